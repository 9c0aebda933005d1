--- What the user can do: run, cancel, trust, explain.

local M = {}

local function tell(message, level)
  require('orc').tell(message, level)
end

local function client_of(bufnr)
  local client = require('orc').client(bufnr)
  if not client then
    tell('no language server is attached to this buffer', vim.log.levels.WARN)
  end
  return client
end

--- Sends a request, in the way of this version of Neovim; `answered(error, result)` runs on the main loop.
---@param answered? fun(error: any, result: any)
function M.request(client, method, params, answered, bufnr)
  if vim.fn.has('nvim-0.11') == 1 then
    client:request(method, params, answered, bufnr)
  else
    client.request(method, params, answered, bufnr)
  end
end

--- Executes a server command; `answered(error, result)` runs on the main loop.
local function execute(client, command, argument, bufnr, answered)
  M.request(client, 'workspace/executeCommand', { command = command, arguments = { argument } }, answered, bufnr)
end

local function is_untrusted(failure)
  if type(failure.data) == 'table' and failure.data.reason == 'untrusted' then
    return true
  end
  return type(failure.message) == 'string' and failure.message:find('trust', 1, true) ~= nil
end

--- Asks whether to trust the workspace, and if so tells the server, then goes on.
local function ask_trust(client, bufnr, trusted)
  local place = client.config.root_dir or vim.api.nvim_buf_get_name(bufnr)
  local question = ('Trust %s?\nPipelines in it may then run tools on this machine.'):format(
    vim.fn.fnamemodify(place, ':~')
  )
  local choice = vim.fn.confirm(question, '&Trust\n&No', 2, 'Question')
  -- Without the question on the screen the next message needs no "Press ENTER".
  vim.cmd.redraw()
  if choice == 1 then
    M.trust(bufnr, trusted)
  else
    tell('nothing was run: the workspace is not trusted; `:OrcTrust` trusts it')
  end
end

--- Runs the pipeline in a buffer, saved or not.
---@param bufnr? integer
---@param argument? table what a lens carries: `{uri, step?, inputs?, options?}`
---@param command? string the server's command; `orc.run` without one
function M.run(bufnr, argument, command)
  bufnr = (bufnr == nil or bufnr == 0) and vim.api.nvim_get_current_buf() or bufnr
  local client = client_of(bufnr)
  if not client then
    return
  end
  argument = argument or { uri = vim.uri_from_bufnr(bufnr) }
  local asked = false
  local function attempt()
    execute(client, command or 'orc.run', argument, bufnr, function(failure, answer)
      if failure and is_untrusted(failure) and not asked then
        asked = true
        ask_trust(client, bufnr, attempt)
      elseif failure then
        tell(failure.message, vim.log.levels.ERROR)
      elseif type(answer) == 'table' and type(answer.runId) == 'string' then
        require('orc.progress').begin(answer.runId, bufnr, client.id)
        -- Running a lens wipes it off the screen.
        require('orc').refresh_lenses(bufnr)
      else
        tell('the language server did not name the run it started', vim.log.levels.ERROR)
      end
    end)
  end
  attempt()
end

--- Runs the step at the cursor, or all from it on: the last one whose lens stands at or above the cursor.
---@param command 'orc.runStep'|'orc.runFrom'
function M.run_step(command)
  local bufnr = vim.api.nvim_get_current_buf()
  local client = client_of(bufnr)
  if not client then
    return
  end
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  local params = { textDocument = vim.lsp.util.make_text_document_params(bufnr) }
  local function answered(failure, lenses)
    local argument
    for _, lens in ipairs(not failure and type(lenses) == 'table' and lenses or {}) do
      -- The one that runs the step alone is its cancel while it runs.
      if lens.command and lens.command.command == 'orc.runFrom' and lens.range.start.line <= line then
        argument = lens.command.arguments[1]
      end
    end
    if argument then
      M.run(bufnr, argument, command)
    else
      tell('put the cursor on a step', vim.log.levels.WARN)
    end
  end
  M.request(client, 'textDocument/codeLens', params, answered, bufnr)
end

--- Goes on with a run: the one that is named, else the latest of the workspace.
---@param run_id? string
function M.resume(run_id)
  M.run(0, { runId = run_id and run_id ~= '' and run_id or 'latest' }, 'orc.resume')
end

--- The answer to one field, told to `answered`; nothing is told if the person gives up.
local function ask_field(question, field, answered)
  local title = question.title == field.text and question.title or ('%s · %s'):format(question.title, field.text)
  local kind = field.kind or {}
  local single = #question.fields == 1
  local offered = kind.type == 'boolean' and { true, false } or kind.type == 'rating' and { 1, 2, 3, 4, 5 } or kind.choices
  local function written(value)
    return type(value) == 'boolean' and (value and 'yes' or 'no') or tostring(value)
  end
  if offered then
    vim.ui.select(offered, { prompt = title, format_item = written }, function(value)
      if value ~= nil then
        answered(single and written(value) or value)
      end
    end)
    return
  end
  local default = field.default ~= nil and field.default ~= vim.NIL and tostring(field.default) or nil
  vim.ui.input({ prompt = title .. ' ', default = default }, function(value)
    if value then
      answered(kind.type == 'number' and not single and tonumber(value) or value)
    end
  end)
end

--- Answers what a run asks, and goes on with it.
function M.approve()
  local bufnr = vim.api.nvim_get_current_buf()
  local run_id, asked = require('orc.progress').asked(bufnr)
  if not run_id or not asked then
    tell('nothing is asked')
    return
  end
  local function go_on(argument)
    M.run(bufnr, vim.tbl_extend('force', { runId = run_id, step = asked.step }, argument), 'orc.approve')
  end
  local question = asked.question
  if question.approval then
    if type(question.content) == 'string' then
      vim.api.nvim_echo({ { question.content } }, true, {})
    end
    vim.ui.select({ 'Approve', 'Reject' }, { prompt = question.title }, function(choice)
      if choice == 'Approve' then
        go_on({})
      elseif choice == 'Reject' then
        vim.ui.input({ prompt = 'Why not? ' }, function(reason)
          if reason then
            go_on({ reject = reason })
          end
        end)
      end
    end)
    return
  end
  local answers = {}
  local function next_field(at)
    local field = question.fields[at]
    if not field then
      go_on({ answer = #question.fields == 1 and answers[question.fields[1].id] or answers })
      return
    end
    ask_field(question, field, function(value)
      answers[field.id] = value
      next_field(at + 1)
    end)
  end
  next_field(1)
end

--- Cancels the run of a buffer, else the newest one that is going.
function M.cancel(bufnr)
  bufnr = (bufnr == nil or bufnr == 0) and vim.api.nvim_get_current_buf() or bufnr
  local run_id, client_id = require('orc.progress').running(bufnr)
  local client = client_id and vim.lsp.get_client_by_id(client_id)
  if not client then
    tell('nothing is running')
    return
  end
  execute(client, 'orc.cancel', { runId = run_id }, bufnr, function(failure)
    if failure then
      tell(failure.message, vim.log.levels.ERROR)
    end
  end)
end

--- Trusts the workspace of a buffer.
---@param bufnr? integer
---@param trusted? function called when the server has accepted
function M.trust(bufnr, trusted)
  bufnr = (bufnr == nil or bufnr == 0) and vim.api.nvim_get_current_buf() or bufnr
  local client = client_of(bufnr)
  if not client then
    return
  end
  local root = client.config.root_dir
  execute(client, 'orc.trust', { uri = root and vim.uri_from_fname(root) or nil }, bufnr, function(failure)
    if failure then
      tell(failure.message, vim.log.levels.ERROR)
    elseif trusted then
      trusted()
    else
      tell('this workspace is trusted')
    end
  end)
end

local function code_at_cursor()
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  for _, diagnostic in ipairs(vim.diagnostic.get(0, { lnum = line })) do
    if type(diagnostic.code) == 'string' and diagnostic.code:match('^ORC%d') then
      return diagnostic.code
    end
  end
end

--- Shows the page of a diagnostic code; without one, of the diagnostic on the cursor's line.
---@param code? string
function M.explain(code)
  code = (code and code ~= '') and code:upper() or code_at_cursor()
  if not code then
    tell('no diagnostic of orc on this line; name a code, as in `:OrcExplain ORC204`', vim.log.levels.WARN)
    return
  end
  local client = client_of(0)
  if not client then
    return
  end
  execute(client, 'orc.explain', { code = code }, 0, function(failure, answer)
    local page = type(answer) == 'table' and (answer.markdown or answer.text) or answer
    if failure then
      tell(failure.message, vim.log.levels.ERROR)
    elseif type(page) ~= 'string' then
      tell(('the language server has no page about `%s`'):format(code), vim.log.levels.WARN)
    else
      vim.lsp.util.open_floating_preview(vim.split(vim.trim(page), '\n'), 'markdown', {
        focus_id = 'orc.explain',
        border = 'rounded',
        max_width = 100,
      })
    end
  end)
end

--- The codes in the buffer, for the command line's completion.
function M.codes(lead)
  local codes = {}
  for _, diagnostic in ipairs(vim.diagnostic.get(0)) do
    local code = diagnostic.code
    if type(code) == 'string' and vim.startswith(code, lead:upper()) then
      codes[code] = true
    end
  end
  local sorted = vim.tbl_keys(codes)
  table.sort(sorted)
  return sorted
end

--- `name=value …` as typed after `:OrcRun`; a value that is JSON is taken as such.
---@return table|nil inputs, string|nil problem
function M.parse_inputs(words)
  local inputs = {}
  for _, word in ipairs(words) do
    local name, value = word:match('^([%w_][%w_-]*)=(.*)$')
    if not name then
      return nil, ('`%s` is not of the form `name=value`'):format(word)
    end
    local is_json, decoded = pcall(vim.json.decode, value)
    inputs[name] = is_json and decoded or value
  end
  return inputs
end

--- `:OrcRun [name=value]…`
function M.run_command(words)
  local inputs, problem = M.parse_inputs(words)
  if not inputs then
    tell(problem, vim.log.levels.ERROR)
    return
  end
  local argument = { uri = vim.uri_from_bufnr(0) }
  if next(inputs) then
    argument.inputs = inputs
  end
  M.run(0, argument)
end

return M
