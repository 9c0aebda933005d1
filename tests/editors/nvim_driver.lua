--- Drives a real Neovim: a child with its own event loop and screen, typed into and looked at.
local M = {}

local passed, failed = 0, 0

function M.check(name, ok, seen)
  if ok then
    passed = passed + 1
  else
    failed = failed + 1
  end
  io.write(('%s %s%s\n'):format(ok and 'ok  ' or 'FAIL', name, ok and '' or '\n     seen: ' .. tostring(seen)))
  return ok
end

function M.totals()
  return passed, failed
end

local Child = {}
Child.__index = Child

--- Starts Neovim in `directory` with `environment` on top of a clean one.
function M.start(directory, environment)
  local state = vim.fn.tempname()
  vim.fn.mkdir(state, 'p')
  local all = vim.tbl_extend('force', {
    XDG_CONFIG_HOME = state,
    XDG_DATA_HOME = state,
    XDG_STATE_HOME = state,
    XDG_CACHE_HOME = state,
    NVIM_LOG_FILE = state .. '/log',
    TERM = 'xterm-256color',
    COLORTERM = 'truecolor',
    ORC_TEST_PLUGIN = M.plugin,
  }, environment)
  -- A terminal of its own and not `--headless`: without a UI Neovim answers every question itself.
  local socket = state .. '/socket'
  local job = vim.fn.jobstart(
    { vim.env.ORC_NVIM or vim.v.progpath, '--listen', socket, '-u', M.init, '-i', 'NONE', '-n' },
    { pty = true, width = 112, height = 48, cwd = directory, env = all }
  )
  assert(job > 0, 'the tested Neovim does not start')
  local channel
  local connected = vim.wait(10000, function()
    local ok, opened = pcall(vim.fn.sockconnect, 'pipe', socket, { rpc = true })
    channel = ok and opened > 0 and opened or nil
    return channel ~= nil
  end, 20)
  assert(connected, 'the tested Neovim does not listen')
  local child = setmetatable({ channel = channel, job = job }, Child)
  vim.wait(10000, function()
    return child:lua('return vim.v.vim_did_enter == 1 and #vim.api.nvim_list_uis() == 1')
  end, 20)
  return child
end

function Child:request(...)
  return vim.rpcrequest(self.channel, ...)
end

function Child:lua(code, ...)
  -- A request to a Neovim that waits for a key would wait as well, for ever.
  local mode
  local free = vim.wait(5000, function()
    mode = self:request('nvim_get_mode')
    return not mode.blocking
  end, 5)
  if not free then
    error('Neovim waits for a key in mode ' .. mode.mode)
  end
  return self:request('nvim_exec_lua', code, { ... })
end

--- Types keys as a person does.
function Child:type(keys)
  self:request('nvim_input', keys)
end

--- Waits until `code`, evaluated in the child, satisfies `wanted`, and counts that as a check.
function Child:expect(name, code, wanted, timeout)
  local last
  local ok = vim.wait(timeout or 10000, function()
    last = self:lua(code)
    return wanted(last)
  end, 20)
  M.check(name, ok, vim.inspect(last))
  return last
end

--- Waits until Neovim asks a question; nothing but `type` may be called meanwhile.
function Child:expect_question(name)
  local mode
  local ok = vim.wait(10000, function()
    mode = self:request('nvim_get_mode')
    return mode.mode == 'r?'
  end, 20)
  return M.check(name, ok, vim.inspect(mode))
end

--- The screen as lines of text.
function Child:screen()
  return self:lua([[
    vim.cmd.redraw()
    local rows = {}
    for row = 1, vim.o.lines do
      local cells = {}
      for column = 1, vim.o.columns do
        cells[column] = vim.fn.screenstring(row, column)
      end
      rows[row] = (table.concat(cells):gsub('%s+$', ''))
    end
    return rows
  ]])
end

--- Waits until a line of the screen has all of `parts`, in this order.
function Child:expect_screen(name, ...)
  local parts, rows = { ... }, nil
  local ok = vim.wait(10000, function()
    rows = self:screen()
    return vim.iter(rows):any(function(row)
      local from = 1
      for _, part in ipairs(parts) do
        local _, last = row:find(part, from, true)
        if not last then
          return false
        end
        from = last + 1
      end
      return true
    end)
  end, 20)
  return M.check(name, ok, table.concat(rows, '\n'))
end

--- The cells of the screen with their colours: rows of `{text, highlight}`.
function Child:cells()
  return self:lua([[
    vim.cmd.redraw()
    local rows = {}
    for row = 0, vim.o.lines - 1 do
      local cells = {}
      for column = 0, vim.o.columns - 1 do
        local cell = vim.api.nvim__inspect_cell(1, row, column)
        cells[column + 1] = { cell[1] or '', cell[2] or vim.empty_dict() }
      end
      rows[row + 1] = cells
    end
    return rows
  ]])
end

--- Where a run of underlined cells stands: the texts, each with the row it is in.
function Child:underlined()
  local found = {}
  for _, row in ipairs(self:cells()) do
    local text, run = '', ''
    for _, cell in ipairs(row) do
      text = text .. cell[1]
    end
    for _, cell in ipairs(row) do
      if cell[2].underline or cell[2].undercurl then
        run = run .. cell[1]
      elseif run ~= '' then
        table.insert(found, { run, text })
        run = ''
      end
    end
  end
  return found
end

--- Keeps the screen for `render_grid.mjs`, if shots are wanted.
function Child:shot(name)
  local directory = vim.env.ORC_SHOTS
  if directory and directory ~= '' then
    vim.fn.mkdir(directory, 'p')
    local normal = self:lua([[local hl = vim.api.nvim_get_hl(0, { name = 'Normal' }) return { hl.fg, hl.bg }]])
    local shot = { foreground = normal[1], background = normal[2], rows = self:cells() }
    vim.fn.writefile({ vim.json.encode(shot) }, directory .. '/' .. name .. '.json')
  end
end

function Child:stop()
  pcall(vim.rpcnotify, self.channel, 'nvim_command', 'qa!')
  if vim.fn.jobwait({ self.job }, 3000)[1] == -1 then
    vim.fn.jobstop(self.job)
  end
end

return M
