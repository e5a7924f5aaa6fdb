"""Models as GGUF files, for llama.cpp: plain Llama-type models with byte-level tokenizers only."""
