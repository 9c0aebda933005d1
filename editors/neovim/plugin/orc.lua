if vim.g.loaded_orc then
  return
end
vim.g.loaded_orc = true

if vim.fn.has('nvim-0.10') == 0 then
  vim.notify('orc: Neovim 0.10 or newer is needed', vim.log.levels.WARN)
  return
end

local command = vim.api.nvim_create_user_command

command('OrcRun', function(call)
  require('orc.commands').run_command(call.fargs)
end, { nargs = '*', desc = 'run the pipeline in this buffer: OrcRun [name=value]…' })

command('OrcRunStep', function()
  require('orc.commands').run_step('orc.runStep')
end, { desc = 'run the step at the cursor' })

command('OrcRunFrom', function()
  require('orc.commands').run_step('orc.runFrom')
end, { desc = 'run the step at the cursor and all that follows from it' })

command('OrcResume', function(call)
  require('orc.commands').resume(call.args)
end, { nargs = '?', desc = 'go on with a run: OrcResume [run]' })

command('OrcApprove', function()
  require('orc.commands').approve()
end, { desc = 'answer what a run asks, and go on with it' })

command('OrcCancel', function()
  require('orc.commands').cancel()
end, { desc = 'cancel the run of this buffer' })

command('OrcTrust', function()
  require('orc.commands').trust()
end, { desc = 'trust the workspace of this buffer: its pipelines may run' })

command('OrcExplain', function(call)
  require('orc.commands').explain(call.args)
end, {
  nargs = '?',
  desc = 'explain a diagnostic code',
  complete = function(lead)
    return require('orc.commands').codes(lead)
  end,
})

-- A configuration has had its turn by then; who calls `setup` later replaces the defaults.
if vim.v.vim_did_enter == 1 then
  vim.schedule(function()
    require('orc').ensure()
  end)
else
  vim.api.nvim_create_autocmd('VimEnter', {
    once = true,
    desc = 'start orc with its defaults unless it was set up',
    callback = function()
      require('orc').ensure()
    end,
  })
end
