--- Shows runs: a mark behind each step's `id`, and one line when the run ends. Follows the server's
--- `orc/runEvent` notifications and decides nothing itself.

local M = {}

local namespace = vim.api.nvim_create_namespace('orc.run')

---@class orc.Step
---@field status string
---@field attempt integer
---@field started integer iterations begun, inside a loop
---@field finished integer iterations ended, inside a loop
---@field duration_ms? number
---@field error? string

---@class orc.Run
---@field id string
---@field status string running, completed, failed, cancelled or waiting
---@field pipeline string
---@field declared string[]
---@field steps table<string, orc.Step> by the id as written in the file
---@field marks table<string, integer> extmarks by step
---@field questions { step: string, question: table }[] what is asked
---@field seq integer the last event seen
---@field bufnr? integer
---@field client_id? integer
---@field error? string
---@field duration_ms? number

---@type table<string, orc.Run>
local runs = {}
---@type string[] run ids, oldest first
local order = {}
---@type table<integer, string> the run a buffer shows
local latest = {}

local looks = {
  ready = { '…', 'OrcWaiting' },
  running = { '⟳', 'OrcRunning' },
  retrying = { '⟳', 'OrcRunning' },
  completed = { '✔', 'OrcCompleted' },
  failed = { '✘', 'OrcFailed' },
  skipped = { '○', 'OrcSkipped' },
  not_run = { '○', 'OrcSkipped' },
  cancelled = { '■', 'OrcSkipped' },
  waiting = { '?', 'OrcWaiting' },
}

local function define_highlights()
  for name, link in pairs({
    OrcWaiting = 'Comment',
    OrcRunning = 'DiagnosticInfo',
    OrcCompleted = 'DiagnosticOk',
    OrcFailed = 'DiagnosticError',
    OrcSkipped = 'Comment',
  }) do
    vim.api.nvim_set_hl(0, name, { link = link, default = true })
  end
end

local function value(data, key, kind)
  local found = type(data) == 'table' and data[key] or nil
  return type(found) == kind and found or nil
end

--- `12 ms`, `2.1 s`, `1 min 3 s`
function M.duration(ms)
  if ms < 1000 then
    return ('%d ms'):format(math.floor(ms + 0.5))
  elseif ms < 60000 then
    return ('%.1f s'):format(ms / 1000)
  end
  local seconds = math.floor(ms / 1000 + 0.5)
  return ('%d min %d s'):format(math.floor(seconds / 60), seconds % 60)
end

--- The id as it stands in the file: the last part of an iteration's path `each[2].write`.
function M.declared_id(path)
  return path:match('^.*%]%.(.+)$') or path
end

local function first_line(text)
  return (text:match('^[^\n]*'))
end

---@param step orc.Step
function M.label(step)
  local words = {}
  local function add(format, ...)
    words[#words + 1] = format:format(...)
  end
  if step.status == 'running' and step.attempt > 1 then
    add('attempt %d', step.attempt)
  elseif step.status == 'retrying' then
    add('retrying after attempt %d', step.attempt)
  elseif step.status == 'skipped' or step.status == 'cancelled' then
    add('%s', step.status)
  elseif step.status == 'waiting' then
    add('waits for an answer')
  elseif step.status == 'not_run' then
    add('not run')
  elseif step.status == 'failed' and step.error then
    add('%s', first_line(step.error))
  end
  if step.started > 0 then
    add('%d of %d', step.finished, step.started)
  end
  if step.status == 'completed' or step.status == 'failed' then
    if step.attempt > 1 then
      add('%d attempts', step.attempt)
    end
    if step.duration_ms then
      add('%s', M.duration(step.duration_ms))
    end
  end
  local mark = looks[step.status][1]
  return #words == 0 and mark or mark .. ' ' .. table.concat(words, ' · ')
end

--- The line of a step, counted from 0: where its `id` is written, never the pipeline's own.
function M.line_of(bufnr, id)
  local wanted = vim.pesc(id)
  for index, line in ipairs(vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)) do
    local rest = line:match('^%s*%-%s+(.*)$') or line:match('^%s+(.*)$')
    local found = rest and rest:match('^["\']?id["\']?%s*:%s*["\']?' .. wanted .. '["\']?%s*(.*)$')
    if found and (found == '' or found:sub(1, 1) == '#') then
      return index - 1
    end
  end
end

---@param run orc.Run
local function draw(run)
  local bufnr = run.bufnr
  if not bufnr or latest[bufnr] ~= run.id or not vim.api.nvim_buf_is_loaded(bufnr) then
    return
  end
  -- Where the server's hints say how steps stand, it is not said twice.
  if vim.lsp.inlay_hint and vim.lsp.inlay_hint.is_enabled({ bufnr = bufnr }) then
    return
  end
  for id, step in pairs(run.steps) do
    -- A mark that stands moves with its text, whatever is typed meanwhile.
    local place = run.marks[id] and vim.api.nvim_buf_get_extmark_by_id(bufnr, namespace, run.marks[id], {})
    local line = place and place[1] or M.line_of(bufnr, id)
    -- The lens of a step of the root says that it is done, and more.
    local is_said = step.status == 'completed' and step.started == 0 and require('orc').config.code_lens
    if is_said and run.marks[id] then
      vim.api.nvim_buf_del_extmark(bufnr, namespace, run.marks[id])
      run.marks[id] = nil
    elseif line and not is_said then
      run.marks[id] = vim.api.nvim_buf_set_extmark(bufnr, namespace, line, 0, {
        id = run.marks[id],
        virt_text = { { '  ' .. M.label(step), looks[step.status][2] } },
        virt_text_pos = 'eol',
        hl_mode = 'combine',
      })
    end
  end
end

local function run_of(id)
  if not runs[id] then
    runs[id] = { id = id, status = 'running', pipeline = '', declared = {}, steps = {}, marks = {}, questions = {}, seq = 0 }
    order[#order + 1] = id
  end
  return runs[id]
end

local function step_of(run, path)
  local id = M.declared_id(path)
  run.steps[id] = run.steps[id] or { status = 'ready', attempt = 0, started = 0, finished = 0 }
  return run.steps[id]
end

local function status_of(data)
  local status = value(data, 'status', 'string')
  if status and looks[status] and status ~= 'completed' then
    return status
  end
  return type(data) == 'table' and data.success == false and 'failed' or 'completed'
end

local function finish_step(step, data, iteration)
  local duration = value(data, 'duration_ms', 'number')
  local failed_before = iteration and step.finished > 0 and step.error ~= nil
  step.attempt = value(data, 'attempts', 'number') or step.attempt
  if iteration then
    step.finished = step.finished + 1
    step.duration_ms = (step.duration_ms or 0) + (duration or 0)
  else
    step.duration_ms = duration
  end
  -- One failed iteration marks the line for good.
  if failed_before then
    step.status = 'failed'
    return
  end
  step.status = status_of(data)
  step.error = step.status == 'failed' and (value(data, 'error', 'string') or 'failed') or nil
end

---@param run orc.Run
local function summary(run)
  if run.status == 'waiting' then
    local titles = vim.tbl_map(function(asked)
      return asked.question.title
    end, run.questions)
    return ('%s: waits for an answer · %s · :OrcApprove'):format(run.pipeline, table.concat(titles, ' · '))
  end
  local failed = {}
  for _, id in ipairs(run.declared) do
    if run.steps[id] and run.steps[id].status == 'failed' then
      failed[#failed + 1] = id
    end
  end
  local words = {
    ('%s: %s'):format(run.pipeline == '' and 'pipeline' or run.pipeline, run.status),
    #run.declared == 1 and '1 step' or ('%d steps'):format(#run.declared),
  }
  if #failed > 0 then
    words[#words + 1] = 'failed: ' .. table.concat(failed, ', ')
  end
  if run.duration_ms then
    words[#words + 1] = M.duration(run.duration_ms)
  end
  if run.status == 'failed' and run.error then
    words[#words + 1] = first_line(run.error)
  end
  return table.concat(words, ' · ')
end

local function finish_run(run, data)
  local result = value(data, 'result', 'table')
  local status = value(data, 'status', 'string')
  local known = status == 'completed' or status == 'cancelled' or status == 'waiting'
  run.status = known and status or 'failed'
  run.error = value(data, 'error', 'string') or value(result, 'error', 'string')
  local seconds = value(result, 'duration', 'number')
  run.duration_ms = seconds and seconds * 1000
  -- Steps that never ran have no event of their own: the result document names them.
  for id, step in pairs(value(result, 'steps', 'table') or {}) do
    if not run.steps[id] then
      local shown = step_of(run, id)
      shown.status = status_of(step)
      shown.error = value(step, 'error', 'string')
    end
  end
end

local function tell(run)
  if require('orc').config.notify then
    local level = run.status == 'failed' and vim.log.levels.ERROR or vim.log.levels.INFO
    require('orc').tell(summary(run), level)
  end
end

--- Drops finished runs that no buffer shows.
local function forget()
  local shown = {}
  for _, id in pairs(latest) do
    shown[id] = true
  end
  order = vim.tbl_filter(function(id)
    local keep = shown[id] or runs[id].status == 'running' or not runs[id].bufnr
    if not keep then
      runs[id] = nil
    end
    return keep
  end, order)
end

--- Removes what a buffer shows of its run.
function M.clear(bufnr)
  local run = runs[latest[bufnr]]
  latest[bufnr] = nil
  if run then
    run.marks = {}
  end
  if vim.api.nvim_buf_is_valid(bufnr) then
    vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  end
end

--- A finished run says nothing about a text that changed since.
local function clear_on_change(bufnr, run_id)
  vim.api.nvim_buf_attach(bufnr, false, {
    on_lines = function()
      if latest[bufnr] ~= run_id then
        return true
      end
      if runs[run_id] and runs[run_id].status ~= 'running' then
        vim.schedule(function()
          if latest[bufnr] == run_id then
            M.clear(bufnr)
          end
        end)
        return true
      end
    end,
    on_detach = function()
      if latest[bufnr] == run_id then
        latest[bufnr] = nil
      end
    end,
  })
end

--- Ties a run to the buffer it was started from; its events may have come before.
function M.begin(run_id, bufnr, client_id)
  define_highlights()
  local run = run_of(run_id)
  M.clear(bufnr)
  run.bufnr, run.client_id = bufnr, client_id
  latest[bufnr] = run_id
  clear_on_change(bufnr, run_id)
  draw(run)
  if run.status ~= 'running' then
    tell(run)
  end
  forget()
end

--- Takes in one event.
function M.handle(event, client_id)
  if type(event) ~= 'table' or type(event.runId) ~= 'string' or type(event.seq) ~= 'number' then
    return
  end
  local run = run_of(event.runId)
  if event.seq <= run.seq then
    return
  end
  run.seq = event.seq
  run.client_id = run.client_id or client_id
  local path = type(event.step) == 'string' and event.step or nil
  local iteration = path ~= nil and M.declared_id(path) ~= path
  local kind, data = event.type, event.data
  if kind == 'run.started' then
    run.pipeline = value(data, 'pipeline', 'string') or ''
    run.declared = value(data, 'steps', 'table') or {}
    -- It may be one that goes on.
    run.status, run.questions = 'running', {}
  elseif kind == 'run.finished' then
    finish_run(run, data)
    if run.bufnr then
      tell(run)
    end
  elseif path and kind == 'step.ready' then
    step_of(run, path).status = 'ready'
  elseif path and kind == 'step.started' then
    local step = step_of(run, path)
    step.status = 'running'
    step.attempt = value(data, 'attempt', 'number') or 1
    if iteration and step.attempt == 1 then
      step.started = step.started + 1
    end
  elseif path and kind == 'step.retrying' then
    local step = step_of(run, path)
    step.status = 'retrying'
    step.attempt = value(data, 'attempt', 'number') or step.attempt
  elseif path and kind == 'approval' and value(data, 'question', 'table') then
    step_of(run, path).status = 'waiting'
    table.insert(run.questions, { step = path, question = data.question })
  elseif path and kind == 'step.finished' then
    finish_step(step_of(run, path), data, iteration)
  end
  draw(run)
end

--- The run to cancel: the buffer's own if it is going, else the newest that is.
---@return string|nil run_id, integer|nil client_id
function M.running(bufnr)
  local newest
  for _, id in ipairs(order) do
    local run = runs[id]
    if run.status == 'running' then
      newest = run
      if run.bufnr == bufnr then
        break
      end
    end
  end
  if newest then
    return newest.id, newest.client_id
  end
end

--- What the buffer's run asks, else the newest that asks anything.
---@return string|nil run_id, { step: string, question: table }|nil asked
function M.asked(bufnr)
  local newest
  for _, id in ipairs(order) do
    if runs[id].status == 'waiting' and runs[id].questions[1] then
      newest = runs[id]
      if newest.bufnr == bufnr then
        break
      end
    end
  end
  if newest then
    return newest.id, newest.questions[1]
  end
end

--- Ends what was shown as running by a server that is gone.
function M.server_stopped(client_id)
  for _, id in ipairs(order) do
    local run = runs[id]
    if run.client_id == client_id and run.status == 'running' then
      run.status, run.error = 'failed', 'the language server stopped'
      for _, step in pairs(run.steps) do
        if step.status == 'running' or step.status == 'retrying' or step.status == 'ready' then
          step.status = 'cancelled'
        end
      end
      draw(run)
      tell(run)
    end
  end
end

return M
