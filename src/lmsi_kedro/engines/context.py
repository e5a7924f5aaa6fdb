"""Finds the prompts that do not fit into a model's context before the first token is sampled.

This needs only the model's tokenizer and configuration, not its weights.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lmsi_kedro.engines.architecture import text_config
from lmsi_kedro.params import EngineParams
from lmsi_kedro.printable import counted
from lmsi_kedro.tasks.encoding import Encoder, beginning
from lmsi_kedro.tasks.turns import turns_of

NAMED = 5  # the maximum number of prompts that an error names
EDGE = 16  # tokens by which encoding a whole text may differ from encoding its beginning


@dataclass(frozen=True)
class Context:
    """A model's encoder and the length of its context in tokens, which is None if there is no limit."""

    encoder: Encoder
    tokens: int | None

    @classmethod
    def of(cls, model: Path, engine: EngineParams) -> "Context":
        encoder = Encoder.of(model, engine.conversation, engine.trust_remote_code)
        config = text_config(model, engine.trust_remote_code)
        return cls(encoder, getattr(config, "max_position_embeddings", None))

    def too_long(self, prompts: Iterable[Mapping[str, str]], new: int) -> dict[str, int]:
        """Return the lengths in tokens of the prompts that leave no room for `new` tokens, by name.

        If several of them have the same name, this is the length of the longest.
        """
        if self.tokens is None:
            return {}
        room, found = self.tokens - new, dict[str, int]()
        for group in prompts:
            for name, tokens in self.lengths(group, room).items():
                if tokens > room:
                    found[name] = max(tokens, found.get(name, 0))
        return found

    def lengths(self, prompts: Mapping[str, str], room: int) -> dict[str, int]:
        """The lengths in tokens of the prompts that may be longer than `room`.

        Other prompts are not encoded: a text has at most one token per byte, so the bytes after the common prefix
        bound the length. Prompts with several turns are always encoded, since the template adds text between them.
        """
        texts = [text for text in prompts.values() if not turns_of(text)]
        shared = texts[0][: beginning(texts)] if texts else ""
        most = room - EDGE - len(self.encoder.prompts([shared])[0])
        unsure = {
            name: text
            for name, text in prompts.items()
            if turns_of(text) or len(text[len(shared) :].encode()) > most
        }
        encoded = self.encoder.prompts(list(unsure.values()))
        return {name: len(ids) for name, ids in zip(unsure, encoded, strict=True)}

    def describe(self, what: str, too_long: Mapping[str, int], new: int) -> str:
        """Returns an error message about prompts or questions that do not fit; it names the longest ones."""
        worst = sorted(too_long, key=too_long.__getitem__, reverse=True)
        named = ", ".join(f"{name} ({too_long[name]} tokens)" for name in worst[:NAMED])
        more = f" and {len(worst) - NAMED:,} more" if len(worst) > NAMED else ""
        do = "does" if len(worst) == 1 else "do"
        return (
            f"{counted(len(worst), what)} {do} not fit into the model's context of {self.tokens} tokens "
            f"with {new} new ones: {named}{more}"
        )


def check_room(
    prompts: Iterable[Mapping[str, str]],
    model: Path,
    new: int,
    engine: EngineParams,
    advice: str,
) -> None:
    """Raises ValueError if prompts do not fit; the message names them and ends with the advice."""
    context = Context.of(model, engine)
    if too_long := context.too_long(prompts, new):
        raise ValueError(f"{context.describe('prompt', too_long, new)}. {advice}")
