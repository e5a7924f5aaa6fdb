from .sampling import sample_tokens as sample_tokens
