"""Serves a model with llama.cpp's own server until its standard input ends. usage: serve.py FILE PORT"""

import sys

import xllamacpp

FILE, PORT = sys.argv[1], int(sys.argv[2])
params = xllamacpp.CommonParams()
params.model.path = FILE
params.model_alias = {"tiny"}
params.hostnames = ["127.0.0.1"] if isinstance(params.hostnames, (list, tuple)) else params.hostnames
params.port = PORT
params.n_ctx = 8192
params.n_parallel = 2
params.use_jinja = True
params.warmup = False
params.cpuparams.n_threads = 1
params.endpoint_metrics = True
params.sampling.seed = 1
params.ui = False
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
