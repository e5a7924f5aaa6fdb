from .answers import canonical_keys as canonical_keys
from .answers import read_answers as read_answers
from .sampling import LogitsError as LogitsError
from .sampling import sample_tokens as sample_tokens
from .votes import count_votes as count_votes
