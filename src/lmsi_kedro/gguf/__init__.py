"""Exports plain Llama-type models with byte-level tokenizers as GGUF files for llama.cpp."""
