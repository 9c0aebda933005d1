//! The pipelines of the crash matrix.

/// Pipelines whose steps may all run again: their documents are compared. Each starts `id: p`.
pub(crate) const PIPELINES: [(&str, &str); 28] = [
    (
        "chain",
        "
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - {id: b, tool: filesystem, action: write, parameters: {path: b.txt, content: '{{ a.result }} two'}, dependencies: [a]}
  - {id: c, tool: filesystem, action: read, parameters: {path: b.txt}, dependencies: [b]}
  - {id: d, action: echo, parameters: {message: '{{ c.result.content }} three'}, dependencies: [c]}
outputs: {text: '{{ d.result }}'}",
    ),
    (
        "fan",
        "
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - {id: b, tool: filesystem, action: write, parameters: {path: b.txt, content: '{{ a.result }}'}, dependencies: [a]}
  - {id: c, tool: filesystem, action: write, parameters: {path: c.txt, content: '{{ a.result }}'}, dependencies: [a]}
  - {id: d, tool: filesystem, action: write, parameters: {path: d.txt, content: '{{ a.result }}'}, dependencies: [a]}
  - {id: e, action: echo, parameters: {message: '{{ b.result.size + c.result.size + d.result.size }}'}, dependencies: [b, c, d]}
outputs: {sum: '{{ e.result }}'}",
    ),
    (
        "diamond with inputs",
        "
inputs: {who: {type: string, default: '{{ pipeline_id }}'}, n: {type: integer, default: 3}}
steps:
  - {id: a, action: echo, parameters: {message: '{{ who }}'}}
  - {id: b, action: echo, parameters: {message: '{{ a.result }} b'}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: '{{ a.result }} c'}, dependencies: [a]}
  - {id: d, action: echo, parameters: {message: '{{ b.result }} {{ c.result }} {{ n }}'}, dependencies: [b, c]}
outputs: {n: '{{ n }}', text: '{{ d.result }}'}",
    ),
    (
        "counting together",
        "
steps:
  - id: l
    for_each: [1, 2, 3]
    steps:
      - {id: add, tool: recursion-control, action: update_state, parameters: {state_key: n, increment: '{{ item }}'}}
      - {id: check, tool: recursion-control, action: check_condition, parameters: {condition: 'n > 5'}, dependencies: [add]}
  - {id: get, tool: recursion-control, action: get_state, dependencies: [l]}
outputs: {state: '{{ get.result.state }}', iterations: '{{ get.result.iterations }}'}",
    ),
    (
        "a child",
        "
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - id: c
    tool: pipeline-executor
    action: execute
    parameters:
      inputs: {x: '{{ a.result }}'}
      pipeline: |
        id: inner
        inputs: {x: {type: string}}
        steps:
          - {id: b, tool: filesystem, action: write, parameters: {path: b.txt, content: '{{ x }} two'}}
          - {id: d, tool: filesystem, action: read, parameters: {path: b.txt}, dependencies: [b]}
        outputs: {text: '{{ d.result.content }}'}
  - {id: e, action: echo, parameters: {message: '{{ c.result.outputs.text }} three'}}
outputs: {text: '{{ e.result }}'}",
    ),
    (
        "children in a loop",
        "
steps:
  - id: each
    for_each: [1, 2]
    max_parallel: 2
    steps:
      - id: c
        tool: pipeline-executor
        action: execute
        parameters:
          inputs: {n: '{{ item }}'}
          pipeline: |
            id: inner
            inputs: {n: {type: integer}}
            steps:
              - {id: w, tool: filesystem, action: write, parameters: {path: 'f{{ n }}.txt', content: '{{ n }}'}}
              - {id: l, for_each: [a, b], steps: [{id: t, action: echo, parameters: {message: '{{ item }}{{ n }}'}}], dependencies: [w]}
            outputs: {all: '{{ l.result.count }}'}
outputs: {n: '{{ each.result.count }}'}",
    ),
    (
        "a child that fails and is tried again",
        "
steps:
  - id: c
    tool: pipeline-executor
    action: execute
    on_failure: continue
    parameters:
      error_handling: retry
      retry_count: 1
      retry_delay: 0
      pipeline: |
        id: inner
        steps:
          - {id: b, tool: filesystem, action: write, parameters: {path: b.txt, content: two}}
          - {id: f, tool: filesystem, action: read, parameters: {path: nowhere}, dependencies: [b]}
  - {id: e, action: echo, parameters: {message: '{{ c.success }}'}}
outputs: {text: '{{ e.result }}'}",
    ),
    (
        "a child in a child",
        "
steps:
  - id: c
    tool: pipeline-executor
    action: execute
    parameters:
      pipeline: |
        id: inner
        steps:
          - id: d
            tool: pipeline-executor
            action: execute
            parameters:
              pipeline: |
                id: innermost
                steps:
                  - {id: w, tool: filesystem, action: write, parameters: {path: w.txt, content: deep}}
                outputs: {size: '{{ w.result.size }}'}
        outputs: {size: '{{ d.result.outputs.size }}'}
outputs: {size: '{{ c.result.outputs.size }}'}",
    ),
    (
        "loop in order",
        "
steps:
  - id: each
    for_each: [1, 2, 3]
    steps:
      - {id: t, tool: filesystem, action: write, parameters: {path: 'f{{ item }}.txt', content: '{{ item }}'}}
      - {id: r, tool: filesystem, action: read, parameters: {path: 'f{{ item }}.txt'}, dependencies: [t]}
  - {id: n, action: echo, parameters: {message: '{{ each.result.count }}'}, dependencies: [each]}
outputs: {all: '{{ each.result.results }}'}",
    ),
    (
        "loop side by side",
        "
steps:
  - id: each
    for_each: [1, 2, 3, 4]
    max_parallel: 4
    steps:
      - {id: t, action: echo, parameters: {message: '{{ item }}'}}
      - {id: u, action: echo, parameters: {message: '{{ t.result }}!'}, dependencies: [t]}
outputs: {all: '{{ each.result.results }}'}",
    ),
    (
        "loop over a result",
        "
steps:
  - {id: list, tool: data-processing, action: convert, parameters: {data: '[{\"a\": 1}, {\"a\": 2}]', from_format: json, to_format: json}}
  - id: each
    for_each: '{{ [5, 6] }}'
    action: echo
    parameters: {message: '{{ item }} of {{ length }}'}
    dependencies: [list]
outputs: {all: '{{ each.result }}'}",
    ),
    (
        "loop in a loop",
        "
steps:
  - id: outer
    for_each: [1, 2]
    steps:
      - id: inner
        for_each: [a, b]
        loop_var: letter
        steps:
          - {id: t, action: echo, parameters: {message: '{{ letter }}'}}
outputs: {all: '{{ outer.result.results }}'}",
    ),
    (
        "while",
        "
steps:
  - id: again
    while: '{{ iteration < 3 }}'
    steps:
      - {id: t, action: echo, parameters: {message: 'turn {{ iteration }}'}}
outputs: {all: '{{ again.result }}'}",
    ),
    (
        "until",
        "
steps:
  - id: again
    until: '{{ t.result == \"turn 2\" }}'
    max_iterations: 5
    steps:
      - {id: t, action: echo, parameters: {message: 'turn {{ iteration }}'}}
outputs: {all: '{{ again.result }}'}",
    ),
    (
        "queue",
        "
steps:
  - id: many
    create_parallel_queue:
      on: [1, 2, 3]
      max_parallel: 1
      action_loop:
        - {name: t, action: echo, parameters: {message: '{{ item }}'}}
outputs: {all: '{{ many.result }}'}",
    ),
    (
        "conditions",
        "
inputs: {yes: {type: boolean, default: true}}
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - {id: b, action: echo, condition: '{{ yes }}', parameters: {message: two}, dependencies: [a]}
  - {id: c, action: echo, condition: '{{ not yes }}', parameters: {message: three}, dependencies: [a]}
  - {id: d, action: echo, parameters: {message: '{{ b.result }}'}, dependencies: [b, c]}
outputs: {text: '{{ d.result }}'}",
    ),
    (
        "route",
        "
steps:
  - {id: a, action: echo, parameters: {message: one}, on_success: d}
  - {id: b, action: echo, parameters: {message: two}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: three}, dependencies: [b]}
  - {id: d, action: echo, parameters: {message: four}, dependencies: [a]}
outputs: {text: '{{ d.result }}'}",
    ),
    (
        "goto",
        "
inputs: {to: {type: string, default: d}}
steps:
  - {id: a, action: echo, parameters: {message: one}, goto: '{{ to }}'}
  - {id: b, action: echo, parameters: {message: two}, dependencies: [a]}
  - {id: d, action: echo, parameters: {message: four}, dependencies: [a]}
outputs: {text: '{{ d.result }}'}",
    ),
    (
        "failure that stops",
        "
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - {id: b, tool: filesystem, action: read, parameters: {path: missing.txt}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: '{{ b.result }}'}, dependencies: [b]}",
    ),
    (
        "failure that goes on",
        "
steps:
  - {id: a, tool: filesystem, action: read, parameters: {path: missing.txt}, on_failure: continue}
  - {id: b, action: echo, parameters: {message: '{{ a.status }}'}, dependencies: [a]}
outputs: {text: '{{ b.result }}'}",
    ),
    (
        "failure that skips",
        "
steps:
  - {id: a, tool: filesystem, action: read, parameters: {path: missing.txt}, on_failure: skip}
  - {id: b, action: echo, parameters: {message: x}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: y}}
outputs: {text: '{{ c.result }}'}",
    ),
    (
        "retries",
        "
steps:
  - id: a
    tool: filesystem
    action: read
    parameters: {path: missing.txt}
    retry: {attempts: 3, delay: 0.001, backoff: fixed, jitter: false}
    on_failure: continue
  - {id: b, action: echo, parameters: {message: '{{ a.status }}'}, dependencies: [a]}
outputs: {text: '{{ b.result }}'}",
    ),
    (
        "loop that is tried again",
        "
steps:
  - id: each
    for_each: [1, 2]
    retry: {attempts: 2, delay: 0.001, backoff: fixed, jitter: false}
    on_failure: continue
    steps:
      - {id: t, action: echo, parameters: {message: '{{ item }}'}}
      - {id: u, tool: filesystem, action: read, parameters: {path: missing.txt}, dependencies: [t]}
  - {id: z, action: echo, parameters: {message: end}, dependencies: [each]}",
    ),
    (
        "handlers",
        "
steps:
  - id: a
    tool: filesystem
    action: read
    parameters: {path: missing.txt}
    on_error: [{error_types: [FileNotFoundError], handler_task_id: mend}]
  - {id: mend, action: echo, parameters: {message: 'instead of {{ error.type }}'}}
  - {id: b, action: echo, parameters: {message: '{{ a.result }}'}, dependencies: [a]}
  - id: c
    tool: filesystem
    action: read
    parameters: {path: missing.txt}
    on_error: {fallback_value: nothing}
  - id: d
    tool: filesystem
    action: read
    parameters: {path: missing.txt}
    on_error: {handler_action: 'echo mended'}
outputs: {text: '{{ b.result }} {{ c.result }} {{ d.result }}'}",
    ),
    (
        "model",
        "
steps:
  - {id: a, action: generate, parameters: {prompt: one}, model: simulated/simulated}
  - {id: b, action: generate, parameters: {prompt: 'after {{ a.result }}'}, model: simulated/simulated, dependencies: [a]}
outputs: {text: '{{ b.result }}'}",
    ),
    (
        "files in a row",
        "
steps:
  - {id: f1, tool: filesystem, action: write, parameters: {path: f1.txt, content: 'one'}}
  - {id: f2, tool: filesystem, action: write, parameters: {path: f2.txt, content: '{{ f1.result.size }} and more'}, dependencies: [f1]}
  - {id: f3, tool: filesystem, action: write, parameters: {path: f3.txt, content: '{{ f2.result.size }} and more'}, dependencies: [f2]}
  - {id: f4, tool: filesystem, action: write, parameters: {path: f4.txt, content: '{{ f3.result.size }} and more'}, dependencies: [f3]}
  - {id: f5, tool: filesystem, action: write, parameters: {path: f5.txt, content: '{{ f4.result.size }} and more'}, dependencies: [f4]}
  - {id: f6, tool: filesystem, action: write, parameters: {path: f6.txt, content: '{{ f5.result.size }} and more'}, dependencies: [f5]}
  - {id: f7, tool: filesystem, action: write, parameters: {path: f7.txt, content: '{{ f6.result.size }} and more'}, dependencies: [f6]}
outputs: {size: '{{ f7.result.size }}'}",
    ),
    (
        "files in a loop",
        "
steps:
  - id: each
    for_each: [1, 2, 3, 4, 5, 6, 7]
    max_parallel: 2
    steps:
      - {id: w, tool: filesystem, action: write, parameters: {path: 'w{{ item }}.txt', content: '{{ item }}'}}
  - {id: n, action: echo, parameters: {message: '{{ each.result.count }}'}, dependencies: [each]}
outputs: {all: '{{ each.result.results }}'}",
    ),
    (
        "files in a child",
        "
steps:
  - id: c
    tool: pipeline-executor
    action: execute
    parameters:
      pipeline: |
        id: inner
        steps:
          - {id: g1, tool: filesystem, action: write, parameters: {path: g1.txt, content: 'one'}}
          - {id: g2, tool: filesystem, action: write, parameters: {path: g2.txt, content: '{{ g1.result.size }} and more'}, dependencies: [g1]}
          - {id: g3, tool: filesystem, action: write, parameters: {path: g3.txt, content: '{{ g2.result.size }} and more'}, dependencies: [g2]}
          - {id: g4, tool: filesystem, action: write, parameters: {path: g4.txt, content: '{{ g3.result.size }} and more'}, dependencies: [g3]}
          - {id: g5, tool: filesystem, action: write, parameters: {path: g5.txt, content: '{{ g4.result.size }} and more'}, dependencies: [g4]}
          - {id: g6, tool: filesystem, action: write, parameters: {path: g6.txt, content: '{{ g5.result.size }} and more'}, dependencies: [g5]}
        outputs: {size: '{{ g6.result.size }}'}
outputs: {size: '{{ c.result.outputs.size }}'}",
    ),
];
