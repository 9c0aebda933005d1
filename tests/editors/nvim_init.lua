-- The configuration of the tested Neovim: the plugin, a server from ORC_TEST_SERVER, nothing else.
local plugin = vim.env.ORC_TEST_PLUGIN
vim.opt.runtimepath:prepend(plugin)
vim.opt.swapfile = false
vim.opt.signcolumn = 'yes'
vim.opt.number = true
vim.opt.termguicolors = true
vim.opt.laststatus = 2
vim.opt.shortmess:append('I')
-- Long messages ask for a key, and nobody is there to press it.
if vim.fn.exists('+messagesopt') == 1 then
  vim.opt.messagesopt = 'wait:0,history:500'
else
  vim.opt.cmdheight = 4
end
vim.diagnostic.config({ virtual_text = true })

-- Kept beside the usual message, to be asked for later.
_G.notified = {}
local notify = vim.notify
vim.notify = function(message, level, options)
  table.insert(_G.notified, message)
  return notify(message, level, options)
end

require('orc').setup(vim.tbl_extend('force', {
  cmd = vim.json.decode(vim.env.ORC_TEST_SERVER),
}, vim.json.decode(vim.env.ORC_TEST_SETUP or '{}')))
