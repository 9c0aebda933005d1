-- Drives the plugin in a real Neovim. usage: ORC_BIN=… nvim --clean -l tests/editors/nvim.lua
local here = vim.fs.dirname(vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p'))
local top = vim.fs.dirname(vim.fs.dirname(here))
package.path = here .. '/?.lua;' .. package.path

local driver = require('nvim_driver')
driver.plugin = top .. '/editors/neovim'
driver.init = here .. '/nvim_init.lua'
local check = driver.check
io.stdout:setvbuf('line')

local began = vim.uv.hrtime()
local orc = vim.env.ORC_BIN or top .. '/target/debug/orc'
local shared = vim.env.ORC_SHARED or vim.fs.dirname(top) .. '/shared'
local pipeline = shared .. '/corpus/pipelines/examples/supported/02_parallel_fanout_fanin.yaml'
local fake = { 'node', here .. '/fake_server.cjs' }

local function fail_early(message)
  io.write(message, '\n')
  os.exit(2)
end
if vim.fn.executable(orc) == 0 then
  fail_early(('no `orc` at %s: build it with `cargo build -p orc`, or set ORC_BIN'):format(orc))
end
if vim.fn.filereadable(pipeline) == 0 then
  fail_early(('no corpus at %s: set ORC_SHARED to the folder that holds it'):format(shared))
end

local function workspace(file, change)
  local directory = vim.uv.fs_realpath(vim.fn.fnamemodify(vim.fn.tempname(), ':h')) .. '/' .. vim.fs.basename(vim.fn.tempname())
  vim.fn.mkdir(directory, 'p')
  local lines = vim.tbl_map(change or function(line)
    return line
  end, vim.fn.readfile(pipeline))
  vim.fn.writefile(lines, directory .. '/' .. file)
  return directory, lines
end

local function read(path)
  local file = io.open(path, 'rb')
  local text = file and file:read('*a')
  if file then
    file:close()
  end
  return text
end

local function line_with(lines, text)
  for index, line in ipairs(lines) do
    if line:find(text, 1, true) then
      return index
    end
  end
end

local function matches(pattern)
  return function(text)
    return type(text) == 'string' and text:find(pattern) ~= nil
  end
end

local function equals(wanted)
  return function(value)
    return vim.deep_equal(value, wanted)
  end
end

local errors = [[
  return vim.tbl_map(function(d)
    return { d.lnum, d.col, d.end_lnum, d.end_col, d.code, d.source }
  end, vim.diagnostic.get(0, { severity = vim.diagnostic.severity.ERROR }))
]]
local notified = [[return table.concat(_G.notified, '\n')]]
local float = [[
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then
      return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), '\n')
    end
  end
  return ''
]]
local clean = [[return vim.fn.execute('messages')]]
local function no_trouble(messages)
  return not messages:find('E%d+:') and not messages:find('stack traceback')
end

--- A typo in a dependency, from the squiggle to the run.
local function from_typo_to_run(setup)
  local directory, lines = workspace('fanout.orc.yaml', function(line)
    return (line:gsub('^      %- read_beta$', '      - read_bata'))
  end)
  local child = driver.start(directory, {
    ORC_TEST_SERVER = vim.json.encode({ orc, 'lsp', '--stdio' }),
    ORC_TEST_SETUP = setup,
    HOME = directory .. '/home',
  })
  child:request('nvim_command', 'edit fanout.orc.yaml')
  child:expect('the server attaches', [[return #vim.lsp.get_clients({ name = 'orc', bufnr = 0 })]], equals(1))

  local typo = line_with(lines, '- read_bata')
  local diagnostics = child:expect('the typo is the one error, at exactly its token', errors, function(found)
    return #found == 1 and vim.deep_equal({ unpack(found[1], 1, 4) }, { typo - 1, 8, typo - 1, 17 })
  end)
  check('it has a code of the references', (diagnostics[1] or {})[5] and diagnostics[1][5]:match('^ORC2%d%d$'), vim.inspect(diagnostics))
  child:request('nvim_win_set_cursor', 0, { typo, 0 })
  child:request('nvim_command', 'normal! zz')
  local underlined
  local drawn = vim.wait(5000, function()
    underlined = child:underlined()
    return vim.iter(underlined):any(function(found)
      return found[1] == 'read_bata' and found[2]:find('- read_bata', 1, true) ~= nil
    end)
  end, 20)
  check('on the screen exactly the token is underlined', drawn, vim.inspect(underlined))
  child:shot('neovim-diagnostic')

  child:request('nvim_win_set_cursor', 0, { line_with(lines, 'tool: filesystem'), 6 })
  child:type('K')
  child:expect('K shows what the key is', float, matches('tool'))
  child:type('<Esc>')

  child:request('nvim_win_set_cursor', 0, { line_with(lines, 'action: write'), 0 })
  child:type('otime<C-x><C-o>')
  child:expect('completion offers the keys of a step', [[
    return vim.tbl_map(function(item) return item.word end, vim.fn.complete_info({ 'items' }).items)
  ]], function(words)
    return vim.iter(words):any(function(word)
      return word:find('^timeout') ~= nil
    end)
  end)
  child:type('<Esc>u')
  child:expect('undo restores the text', [[return vim.api.nvim_buf_line_count(0)]], equals(#lines))

  child:request('nvim_win_set_cursor', 0, { typo, 8 })
  child:type('cwread_beta<Esc>')
  child:expect('the fix by hand is typed', [[return vim.api.nvim_get_current_line()]], equals('      - read_beta'))
  child:expect('the squiggle goes', errors, equals({}))

  local lens = child:expect('a lens stands above the pipeline', [[
    local found = vim.lsp.codelens.get(vim.fn.has('nvim-0.12') == 1 and { bufnr = 0 } or 0)
    for _, lens in ipairs(found) do
      lens = lens.lens or lens
      if lens.command and lens.command.command == 'orc.run' then
        return { lens.range.start.line, lens.command.title }
      end
    end
    return {}
  ]], function(found)
    return #found == 2
  end)
  child:type('gg')
  child:expect_screen('its title is on the screen', lens[2])
  child:request('nvim_win_set_cursor', 0, { (lens[1] or 0) + 1, 0 })
  child:type(':lua vim.lsp.codelens.run()<CR>')
  if not setup and child:expect_question('an untrusted workspace is asked about') then
    child:type('t')
  end
  child:expect('the result is told', notified, matches('orc: .*: completed · 5 steps'), 20000)
  child:request('nvim_win_set_cursor', 0, { lens[1] + 1, 0 })
  child:request('nvim_command', 'normal! zt')
  for _, id in ipairs({ 'alpha', 'beta', 'read_alpha', 'read_beta', 'join' }) do
    child:expect_screen(('the line of `%s` shows that it is done'):format(id), '- id: ' .. id, '✔', 'ms')
  end
  child:expect_screen('the lens tells how the run ended', lines[lens[1] + 1], '✔ completed', 'Run again')
  child:shot('neovim-run')
  for name, text in pairs({ alpha = 'alpha-value', beta = 'beta-value', joined = 'alpha-value+beta-value' }) do
    local path = ('%s/output/%s.txt'):format(directory, name)
    check(('output/%s.txt is written to the byte'):format(name), read(path) == text, read(path))
  end
  check('the run took the text that was never saved', read(directory .. '/fanout.orc.yaml'):find('read_bata') ~= nil)
  -- On a line of `read_alpha`, below its lens.
  child:request('nvim_win_set_cursor', 0, { 33, 0 })
  os.remove(directory .. '/output/beta.txt')
  child:type(':OrcRunStep<CR>')
  child:expect('the step at the cursor runs with what it needs', notified, matches('orc: .*: completed · 2 steps'), 20000)
  check('and no other step', read(directory .. '/output/beta.txt') == nil, read(directory .. '/output/beta.txt'))
  child:type('GA <Esc>')
  child:expect('the marks go with the next change', [[
    return #vim.api.nvim_buf_get_extmarks(0, vim.api.nvim_create_namespace('orc.run'), 0, -1, {})
  ]], equals(0))
  child:expect('nothing went wrong on the way', clean, no_trouble)
  child:stop()
end

--- A run that waits for an answer, and one that fails.
local function questions_and_failures()
  local directory = workspace('fanout.orc.yaml')
  vim.fn.writefile({
    'id: asking', 'name: Asking', 'steps:',
    '  - id: who', '    tool: user-prompt', '    action: execute', '    parameters: {prompt: Who is it?}',
    '  - id: broken', '    tool: terminal', '    action: execute', '    parameters: {command: exit 3}',
    '    dependencies: [who]',
  }, directory .. '/asking.orc.yaml')
  local child = driver.start(directory, {
    ORC_TEST_SERVER = vim.json.encode({ orc, 'lsp', '--stdio' }), ORC_TEST_SETUP = vim.json.encode({ trusted = true }),
  })
  child:request('nvim_command', 'edit asking.orc.yaml')
  child:expect('the server attaches to a pipeline that asks', [[return #vim.lsp.get_clients({ name = 'orc', bufnr = 0 })]], equals(1))
  child:type(':OrcRun<CR>')
  child:expect('the question is told', notified, matches('asking: waits for an answer · Who is it%? · :OrcApprove'), 20000)
  child:expect_screen('the step shows that it waits', '- id: who', '? waits for an answer')
  child:type(':OrcApprove<CR>')
  child:expect_screen('the question is asked', 'Who is it?')
  child:type('me<CR>')
  child:expect('the run goes on and fails', notified, matches('asking: failed'), 20000)
  child:expect('the failure stands at its step', [[
    local found = vim.diagnostic.get(0)[1]
    return found and { found.lnum, found.code, found.source, found.message }
  ]], equals({ 7, 'ORC790', 'orc run', 'the command ended with exit code 3' }))
  child:type(':lua vim.lsp.inlay_hint.enable()<CR>')
  child:expect_screen('the hints say how the steps ran', '- id: broken', '✘ failed')
  child:shot('neovim-failure')
  child:stop()
end

--- YAML that is no pipeline is left alone.
local function other_yaml_is_quiet()
  local directory = workspace('fanout.orc.yaml')
  vim.fn.writefile({ 'services:', '  web: {image: nginx}', 'steps: none' }, directory .. '/compose.yaml')
  local child = driver.start(directory, { ORC_TEST_SERVER = vim.json.encode({ orc, 'lsp', '--stdio' }) })
  child:request('nvim_command', 'edit compose.yaml')
  child:expect('the server attaches to other YAML', [[return #vim.lsp.get_clients({ name = 'orc', bufnr = 0 })]], equals(1))
  child:expect('and answers about it', [[
    local answers = vim.lsp.buf_request_sync(0, 'textDocument/documentSymbol', { textDocument = vim.lsp.util.make_text_document_params() }, 5000)
    return answers and #vim.tbl_values(answers)
  ]], equals(1))
  child:expect('and has nothing to say', [[return #vim.diagnostic.get(0)]], equals(0))
  child:stop()
end

--- What only a server that misbehaves can show.
local function with_fake_server()
  local directory = workspace('fanout.orc.yaml')
  local function open(mode, cmd)
    local child = driver.start(directory, { ORC_TEST_SERVER = vim.json.encode(cmd or fake), ORC_FAKE = mode })
    child:request('nvim_command', 'edit fanout.orc.yaml')
    return child
  end
  local attached = [[return #vim.lsp.get_clients({ name = 'orc', bufnr = 0 })]]

  local child = open('untrusted')
  child:expect('untrusted: the server attaches', attached, equals(1))
  child:type(':OrcRun<CR>')
  if child:expect_question('untrusted: the user is asked') then
    child:type('n')
  end
  child:expect('untrusted: a no runs nothing', notified, matches('nothing was run'))
  child:type(':OrcRun<CR>')
  if child:expect_question('untrusted: the next try asks again') then
    child:type('t')
  end
  child:expect('untrusted: a yes runs', notified, matches('fake: completed · 5 steps'))
  child:stop()

  child = open('hang')
  child:expect('cancel: the server attaches', attached, equals(1))
  child:type(':OrcRun<CR>')
  child:expect_screen('cancel: the first step is shown as running', '- id: alpha', '⟳')
  child:type(':OrcCancel<CR>')
  child:expect('cancel: the run is told to be cancelled', notified, matches('fake: cancelled'))
  child:expect_screen('cancel: so is its step', '- id: alpha', '■ cancelled')
  child:type(':OrcExplain ORC201<CR>')
  child:expect('explain: the page floats', float, matches('A page about it'))
  child:stop()

  child = open('crash')
  child:expect('crash: the server attaches', attached, equals(1))
  child:type(':OrcRun<CR>')
  child:expect('crash: a run without server is over', notified, matches('fake: failed .* the language server stopped'))
  child:stop()

  child = open('protocol2')
  child:expect('another protocol is told', notified, matches('speaks protocol 2, this plugin 1; update the plugin'))
  child:stop()

  child = open('', { 'orc-that-is-nowhere', 'lsp' })
  child:request('nvim_command', 'edit other.yaml')
  child:expect('a missing program is told once, with the remedy', notified, equals(
    'orc: `orc-that-is-nowhere` is not an executable on `PATH`; install it, or set `cmd` in `require("orc").setup{}`'
  ))
  child:expect('and nothing else is said', clean, no_trouble)
  child:stop()
end

io.write('Neovim ' .. tostring(vim.version()), '\n')
if vim.env.ORC_FAKE_ONLY ~= '1' then
  from_typo_to_run()
  questions_and_failures()
  other_yaml_is_quiet()
end
with_fake_server()

local passed, failed = driver.totals()
io.write(('neovim: %d passed, %d failed in %.1f s\n'):format(passed, failed, (vim.uv.hrtime() - began) / 1e9))
os.exit(failed == 0 and 0 or 1)
