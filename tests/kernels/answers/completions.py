"""Completions made from a grammar, and mutations of them: what both implementations are compared on."""

import random

NUMBERS = (
    "45 -80 1,234.50 $70,000 1e3 3/4 1 1/2 1½ ⅔ \\frac{3}{4} -\\frac34 2\\frac{1}{2} .5 0.10 １２ −7 12,34,567 1{,}234 "
    "1\u202f234 5. 1.2.3 3:2 2:30 5/8/2020 1e999999999 2x10^5 2^{10} 10^{-3} H2O x_2 cm^2 covid-19 20% 20\\% 1e5x "
    "€3.5 $5k US$40 \\$18 00 007 1,2,3 1,23 12,3456 9/0 99999999999999999999999999999999999999999 -$5 $-5 (-5) +5 "
    "5-6 twenty-one half three-quarters fifty one-third 7th 5kg 5km/h \\sqrt{16} √9 2\\pi 5^\\circ 1_000 1'000"
).split()
WORDS = (
    "The answer is are the answer: Answer Answers final correct option choice A B C D E I a b (A) (B) (c) [D] {E} **B** "
    "B. B) apples miles in per hours because so which and or to not between from about approximately yes no Yes. No, true "
    "False neutral entailment it is not possible to tell cannot be determined maybe x X times plus minus equals = + - * / "
    "× ÷ ( ) [ ] { } $ $$ \\( \\[ \\boxed{ } \\text{ } \\boxed{42} #### ## ** *** \" ' ` , ; : . ! ? … – — \n \n\n \nQ: "
    "\nQuestion: </s> <|im_end|> October Oct. 2nd 2022 10/02/2022 2022-10-02 May Monday, of pm a.m. o'clock the an "
    "Denver Broncos St. Louis U.S. million hundred thousand dozen one two twenty five hundred and dollars cents \\approx "
    "≈ \\times \\cdot é ñ Ω π 東京 😀 \u200b \xa0 none above Therefore, thus = ## Final\n"
).split(" ")
OPENINGS = (
    "The answer is ", "So the answer is ", "Answer: ", "**Answer:** ", "#### ", "\\boxed{", "The correct option is ", "the answer's ",
    "## Final Answer\n", "The final answer is: ", "answer = ", "The answer to the question is ", "Answer - ",
)  # fmt: skip
OPTIONS = (
    None, [], ["x"], ["Yes", "No"], ["5 apples", "45", "the dog", "None of the above"], ["20%", "25 %", "1,000", "A dog", "cat"],
    ["Denver Broncos", "Broncos", "dog", "dog"],
)  # fmt: skip


def _piece(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(NUMBERS)
    if kind < 0.85:
        return rng.choice(WORDS)
    if kind < 0.95:
        return rng.choice(OPENINGS)
    return "".join(rng.choice("0123456789.,/-$% xe^{}()\\*#\n") for _ in range(rng.randrange(1, 9)))


def _mutated(rng: random.Random, text: str) -> str:
    chars = list(text)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(chars) + 1)
        change = rng.random()
        if change < 0.4 and at < len(chars):
            del chars[at]
        elif change < 0.7:
            chars.insert(at, rng.choice("0123456789 .,-$%\\{}()\n*#:=/^AaBbéΩ½−\xa0\u2009'\""))
        else:
            other = rng.randrange(len(chars) + 1)
            chars[min(at, other) : max(at, other)] = chars[min(at, other) : max(at, other)] * 2
    return "".join(chars)


def completion(rng: random.Random) -> str:
    """A text of a few announcements and much around them."""
    text = ""
    for _ in range(rng.randrange(1, 4)):
        filler = " ".join(_piece(rng) for _ in range(rng.randrange(0, 12)))
        value = rng.choice((" ", "")).join(_piece(rng) for _ in range(rng.randrange(1, 6)))
        text += rng.choice(("", " " * rng.randrange(70), filler)) + rng.choice((" ", "\n", "")) + rng.choice(OPENINGS) + value
        text += rng.choice((".", "}", "", "\n", "**", " apples."))
    return _mutated(rng, text) if rng.random() < 0.3 else text
