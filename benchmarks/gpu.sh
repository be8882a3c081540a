#!/bin/sh
# What distillation brings and costs on one CUDA GPU, within ten minutes; the same line goes on where it was stopped.
# Without a GPU it says so and ends. benchmarks/gpu.py has the options, --data and --weights among them.
cd "$(dirname "$0")/.." && exec "${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}" benchmarks/gpu.py "$@"
