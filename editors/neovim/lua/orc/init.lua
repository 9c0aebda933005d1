--- Language support for orc pipelines: starts `orc lsp` for YAML files and shows runs.
--- The server decides which files are pipelines; about the others it keeps quiet.

local M = {}

---@class orc.Config
---@field cmd string[] the language server
---@field trusted? boolean run pipelines without asking; nil asks once per workspace
---@field settings table sent to the server as the section `orc`
---@field code_lens boolean show and refresh the lenses above a pipeline
---@field notify boolean tell the result of a run with vim.notify

---@type orc.Config
local defaults = {
  cmd = { 'orc', 'lsp', '--stdio' },
  trusted = nil,
  settings = {},
  code_lens = true,
  notify = true,
}

---@type orc.Config
M.config = vim.deepcopy(defaults)

--- The major version of the protocol's extensions this plugin speaks.
M.protocol = 1

local configured = false
local told_missing = false
local group = vim.api.nvim_create_augroup('orc', { clear = true })

local function tell(message, level)
  vim.notify('orc: ' .. message, level or vim.log.levels.INFO)
end
M.tell = tell

--- Whether the server can be started; says once what to do if it cannot.
local function available()
  if vim.fn.executable(M.config.cmd[1]) == 1 then
    return true
  end
  if not told_missing then
    told_missing = true
    tell(
      ('`%s` is not an executable on `PATH`; install it, or set `cmd` in `require("orc").setup{}`'):format(
        M.config.cmd[1]
      ),
      vim.log.levels.WARN
    )
  end
  return false
end

local function root_of(bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr)
  if name == '' then
    return vim.fn.getcwd()
  end
  return vim.fs.root(bufnr, { '.orc', 'models.yaml', '.git' }) or vim.fs.dirname(name)
end

--- Before 0.12 lenses are drawn on demand only.
local function refresh_lenses(bufnr)
  if M.config.code_lens and vim.api.nvim_buf_is_loaded(bufnr) and not vim.lsp.codelens.enable then
    vim.lsp.codelens.refresh({ bufnr = bufnr })
  end
end

M.refresh_lenses = refresh_lenses

local function refresh_all_lenses(client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  for bufnr in pairs(client and client.attached_buffers or {}) do
    refresh_lenses(bufnr)
  end
end

--- Answers the server's `workspace/codeLens/refresh`.
local function refreshed(_, _, context)
  refresh_all_lenses(context.client_id)
  -- Neovim drops a refresh while another one is under way.
  vim.defer_fn(function()
    refresh_all_lenses(context.client_id)
  end, 200)
  return vim.NIL
end

local function on_attach(client, bufnr)
  if not M.config.code_lens then
    return
  end
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = bufnr })
    return
  end
  vim.api.nvim_clear_autocmds({ group = group, buffer = bufnr })
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'TextChanged' }, {
    group = group,
    buffer = bufnr,
    desc = 'refresh the lenses of an orc pipeline',
    callback = function()
      if not vim.lsp.buf_is_attached(bufnr, client.id) then
        return true
      end
      refresh_lenses(bufnr)
    end,
  })
  refresh_lenses(bufnr)
end

local function on_init(client)
  local experimental = client.server_capabilities.experimental
  local offered = type(experimental) == 'table' and type(experimental.orc) == 'table' and experimental.orc.protocol
  local major = tonumber(tostring(offered or ''):match('^%d+'))
  if major ~= M.protocol then
    tell(
      major == nil and 'this language server does not name its protocol; is `cmd` really orc?'
        or ('the language server speaks protocol %d, this plugin %d; update %s'):format(
          major,
          M.protocol,
          major > M.protocol and 'the plugin' or '`orc`'
        ),
      vim.log.levels.WARN
    )
  end
end

--- An empty table would travel as a list.
local function dictionary(entries)
  return next(entries) and entries or vim.empty_dict()
end

--- A lens that starts a run was chosen.
local function started_by_lens(command, context)
  require('orc.commands').run(context.bufnr, command.arguments and command.arguments[1], command.command)
end

--- Neovim before 0.12 asks for diagnostics only when a text changes; what failed in a run changes none.
local function diagnostics_refreshed(_, _, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  for bufnr in pairs(client and client.attached_buffers or {}) do
    local params = { textDocument = vim.lsp.util.make_text_document_params(bufnr) }
    require('orc.commands').request(client, 'textDocument/diagnostic', params, nil, bufnr)
  end
  return vim.NIL
end

--- What `vim.lsp` needs to know of the server.
local function client_config()
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  -- How a run ended is told here and not by the server.
  capabilities.experimental = { orc = { runEvents = true } }
  local handlers = {
    ['orc/runEvent'] = function(_, event, context)
      require('orc.progress').handle(event, context.client_id)
    end,
  }
  if not vim.lsp.codelens.enable then
    capabilities.workspace.codeLens = { refreshSupport = true }
    handlers['workspace/codeLens/refresh'] = refreshed
  end
  if not vim.lsp.handlers['workspace/diagnostic/refresh'] then
    capabilities.workspace.diagnostics = { refreshSupport = true }
    handlers['workspace/diagnostic/refresh'] = diagnostics_refreshed
  end
  return {
    name = 'orc',
    capabilities = capabilities,
    cmd = M.config.cmd,
    init_options = dictionary({ trusted = M.config.trusted }),
    settings = { orc = dictionary(M.config.settings) },
    on_init = on_init,
    on_attach = on_attach,
    on_exit = function(_, _, client_id)
      vim.schedule(function()
        require('orc.progress').server_stopped(client_id)
      end)
    end,
    handlers = handlers,
    -- Lenses go through the same way as `:OrcRun`, so that both ask for trust.
    commands = {
      ['orc.run'] = started_by_lens,
      ['orc.runStep'] = started_by_lens,
      ['orc.runFrom'] = started_by_lens,
    },
  }
end

--- Neovim 0.10 starts nothing by itself.
local function start(bufnr)
  local config = client_config()
  config.root_dir = root_of(bufnr)
  vim.lsp.start(config, { bufnr = bufnr })
end

local function enable()
  local starts_itself = vim.lsp.config ~= nil and vim.lsp.enable ~= nil
  local function opened(bufnr)
    -- `vim.lsp.enable` passes over a missing program without a word.
    if available() and not starts_itself then
      start(bufnr)
    end
  end
  vim.api.nvim_clear_autocmds({ group = group, event = 'FileType' })
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    pattern = 'yaml',
    desc = 'start the orc language server',
    callback = function(event)
      opened(event.buf)
    end,
  })
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype == 'yaml' then
      opened(bufnr)
    end
  end
  if starts_itself then
    local config = client_config()
    config.filetypes = { 'yaml' }
    config.root_dir = function(bufnr, on_dir)
      on_dir(root_of(bufnr))
    end
    vim.lsp.config('orc', config)
    vim.lsp.enable('orc')
  end
end

--- Configures and starts. Without a call, the defaults hold from `VimEnter` on.
---@param options? table see |orc-setup|
function M.setup(options)
  configured = true
  told_missing = false
  M.config = vim.tbl_deep_extend('force', vim.deepcopy(defaults), options or {})
  enable()
end

--- Starts with the defaults unless `setup` was called.
function M.ensure()
  if not configured then
    M.setup()
  end
end

--- The client attached to a buffer.
---@param bufnr? integer
function M.client(bufnr)
  return vim.lsp.get_clients({ name = 'orc', bufnr = bufnr or 0 })[1]
end

return M
