"""Makes a tiny model of random weights, of the kind llama.cpp serves. usage: make_model.py FILE BIAS

The vocabulary is bytes and printable ASCII. One dimension of the residual stream is a constant that no layer
writes to, so that its row of the output weights is a bias for each token: raw bytes are off, answers end and
strings end soon. BIAS is that of the token that begins a tool call: -60 never, 2.5 gladly.
"""

import sys

import gguf
import numpy

FILE, TOOL_BIAS = sys.argv[1], float(sys.argv[2])
WIDTH, LAYERS, HEADS, INNER, CONTEXT = 64, 2, 4, 128, 8192

# The template that llama.cpp derives its grammar of tool calls from: no line break after the tag.
TEMPLATE = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'You are a test model.' }}
    {%- endif %}
    {{- "\\n\\n# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\nYou are provided with function signatures within <tools></tools> XML tags:\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\\n<tool_call>\\n{\\"name\\": <function-name>, \\"arguments\\": <args-json-object>}\\n</tool_call><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '<tool_call>{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

KIND = gguf.TokenType
words = [("<unk>", 0.0, KIND.UNKNOWN), ("<s>", 0.0, KIND.CONTROL), ("</s>", 0.0, KIND.CONTROL)]
words += [(f"<0x{byte:02X}>", 0.0, KIND.BYTE) for byte in range(256)]
words += [(chr(letter), -1.0, KIND.NORMAL) for letter in range(0x21, 0x7F)]
words += [("\u2581", -1.0, KIND.NORMAL)]
words += [(word, 0.0, KIND.CONTROL) for word in ("<|im_start|>", "<|im_end|>")]
words += [(word, 0.0, KIND.USER_DEFINED) for word in ("<tool_call>", "</tool_call>")]
tokens = [word.encode() for word, _, _ in words]
SIZE = len(tokens)
END = SIZE - 3

model = gguf.GGUFWriter(FILE, "llama")
model.add_name("tiny-random")
model.add_context_length(CONTEXT)
model.add_embedding_length(WIDTH)
model.add_block_count(LAYERS)
model.add_feed_forward_length(INNER)
model.add_head_count(HEADS)
model.add_head_count_kv(HEADS)
model.add_layer_norm_rms_eps(1e-5)
model.add_rope_dimension_count(WIDTH // HEADS)
model.add_vocab_size(SIZE)
model.add_file_type(gguf.LlamaFileType.ALL_F32)
model.add_tokenizer_model("llama")
model.add_token_list(tokens)
model.add_token_scores([score for _, score, _ in words])
model.add_token_types([kind for _, _, kind in words])
model.add_bos_token_id(1)
model.add_eos_token_id(2)
model.add_unk_token_id(0)
model.add_eot_token_id(END)
model.add_add_bos_token(True)
model.add_add_eos_token(False)
# Else llama.cpp cannot feed the prompt to a grammar again.
model.add_add_space_prefix(False)
model.add_chat_template(TEMPLATE)

bias = numpy.zeros(SIZE, numpy.float32)
bias[3 : 3 + 256] = -60
bias[:3] = -60
bias[END - 1] = -60
bias[END] = 2.5
bias[END + 1] = TOOL_BIAS
bias[END + 2] = min(TOOL_BIAS, 0.0)
bias[3 + 0x0A] = -6
bias[tokens.index(b'"')] = 2.0

random = numpy.random.default_rng(0)


def tensor(name, *shape, ones=False, change=None):
    values = numpy.ones(shape, numpy.float32) if ones else random.normal(0, 0.08, shape).astype(numpy.float32)
    if change:
        change(values)
    model.add_tensor(name, values)


def constant(values):
    values[:, 0] = 4.0


def head(values):
    values *= 2.5
    values[:, 0] = bias / 8.0


def mute(values):
    values[0, :] = 0.0


tensor("token_embd.weight", SIZE, WIDTH, change=constant)
tensor("output_norm.weight", WIDTH, ones=True)
tensor("output.weight", SIZE, WIDTH, change=head)
for layer in range(LAYERS):
    at = f"blk.{layer}."
    tensor(at + "attn_norm.weight", WIDTH, ones=True)
    tensor(at + "ffn_norm.weight", WIDTH, ones=True)
    for name in ("attn_q", "attn_k", "attn_v"):
        tensor(at + name + ".weight", WIDTH, WIDTH)
    tensor(at + "attn_output.weight", WIDTH, WIDTH, change=mute)
    tensor(at + "ffn_gate.weight", INNER, WIDTH)
    tensor(at + "ffn_up.weight", INNER, WIDTH)
    tensor(at + "ffn_down.weight", WIDTH, INNER, change=mute)
model.write_header_to_file()
model.write_kv_data_to_file()
model.write_tensors_to_file()
model.close()
