"""Stand-ins for the secrets of a preview: they tell whether two secrets are the same, and nothing else.

A secret never reaches a comparison, so no comparison can print it. Finished texts, and what Pulumi itself writes, are
searched for every secret that was met.
"""

import base64
import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import yaml

from policy.secrecy.names import REFERENCES, is_secret
from policy.secrecy.texts import without_secrets
from policy.values import SECRET, Value, contains, decode, inside, mapping, read_json, read_yaml

SHOWN = "[secret]"
_RUN = secrets.token_hex(4)  # so that nothing in a preview can be taken for a stand-in
_STAND_IN = re.compile(rf"<[~!]{_RUN}\.\d+>")
_MARKED = f"<!{_RUN}."
# Shorter ones are hidden where they lie and not searched for elsewhere: they are part of too many words.
_LEAST_SEARCHED = 6
# Properties that are secret whatever they are called.
_OF_TYPE = {
    "kubernetes:core/v1:Secret": ("data", "stringData"),
    "kubernetes:core/v1:SecretPatch": ("data", "stringData"),
    "random:index/randomPassword:RandomPassword": ("result",),
}
_OF_STATEMENTS = ("Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition")


class Secrets:
    """Every secret that was met, each with its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: dict[str, str] = {}  # most texts are there before and after, among inputs and outputs
        self._search: tuple[int, re.Pattern[str]] | None = None

    def read(self, raw: Value, kind: str = "", marked: Sequence[str] = ()) -> Value:
        """The properties of a resource of type `kind`, decoded. Pulumi says that those in `marked` are secret."""
        found = decode(raw, self._meet)
        hidden = {*marked, *_OF_TYPE.get(kind, ())}
        if isinstance(found, Mapping):
            found = {
                key: self._whole(value, marked=key in marked) if key in hidden else value
                for key, value in found.items()
            }
        return self.hide(found)

    def hide(self, value: Value) -> Value:
        """`value` with stand-ins for what names, places and shapes tell to be secret."""
        if isinstance(value, Mapping):
            return {key: self._property(value, key, each) for key, each in value.items()}
        if isinstance(value, list):
            before = [None, *value[:-1]]
            return [
                self._whole(each) if _is_value_of(last, each) else self.hide(each)
                for last, each in zip(before, value, strict=False)
            ]
        if not isinstance(value, str):
            return value
        if value not in self._texts:
            self._texts[value] = self._text(value)
        return self._texts[value]

    def hide_marked(self, value: Value, other: Value) -> Value:
        """`value` with stand-ins for what is marked as secret in `other`, another state of the same resource."""
        if other is SECRET:
            return self._whole(value, marked=True)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            return {key: self.hide_marked(each, other[key]) if key in other else each for key, each in value.items()}
        if isinstance(value, list) and isinstance(other, list) and contains(other, SECRET):
            for each in other:
                value = [self.hide_marked(one, each) if _name(one) == _name(each) else one for one in value]
        return value

    def scrub(self, text: str, *, strange: bool = False) -> str:
        """A text without any secret that was met; a `strange` one, not made here, is looked through for others too."""
        if strange:
            text = without_secrets(text, lambda _: SHOWN)
        if self._search is None or self._search[0] != len(self._numbers):
            forms = sorted({form for each in self._numbers for form in _forms(each)}, key=len, reverse=True)
            found = "|".join(r"\s+".join(map(re.escape, form.split())) for form in forms)
            self._search = len(self._numbers), re.compile(found or r"(?!)")
        return self._search[1].sub(SHOWN, text)

    def _property(self, owner: Mapping[str, Value], key: str, value: Value) -> Value:
        if key in _OF_STATEMENTS and "Effect" in owner:
            return value  # who may do what, compared word by word
        is_value = key.lower() in ("value", "values")
        called = next((owner[name] for name in ("name", "key", "Name", "Key") if name in owner), "") if is_value else ""
        if (
            (is_secret(key) and not (key in REFERENCES and _holds_mapping(value)) and not _is_plain(value))
            or (is_value and isinstance(called, str) and is_secret(called))
            or (is_value and owner.get("type") == "SecureString")
            or (key in ("data", "stringData") and owner.get("kind") == "Secret")
        ):
            return self._whole(value)
        return self.hide(value)

    def _text(self, text: str) -> str:
        if text.startswith("arn:aws"):
            return text
        plain = _from_base64(text)
        if plain and self._text(plain) != plain:
            return self._stand_in(text)
        with suppress(ValueError):  # neither JSON nor YAML
            if text[:1] in ("{", "["):
                found = read_json(text)
                hidden = self.hide(found)
                return text if hidden == found else json.dumps(hidden)
            if "\n" in text and any(is_secret(word) for word in re.findall(r"[\w\-.]{1,80}", text)):
                documents = read_yaml(text)
                hidden = self.hide(documents)
                if hidden != documents and any(map(_holds_mapping, documents)):
                    return yaml.safe_dump_all(hidden, sort_keys=False, allow_unicode=True)
        return without_secrets(text, self._stand_in)

    def _whole(self, value: Value, *, marked: bool = False) -> Value:
        """`value` with a stand-in for every text and number in it."""
        if isinstance(value, Mapping):
            return {key: self._whole(each, marked=marked) for key, each in value.items()}
        if isinstance(value, list):
            return [self._whole(each, marked=marked) for each in value]
        is_plain = isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
        return self._stand_in(str(value), marked=marked) if is_plain else value

    def _stand_in(self, text: str, *, marked: bool = False) -> str:
        if _STAND_IN.fullmatch(text):
            return text.replace("<~", "<!") if marked else text
        return f"<{'!' if marked else '~'}{_RUN}.{self._numbers.setdefault(text, len(self._numbers))}>"

    def _meet(self, marked: Value) -> None:
        """What Pulumi marks as a secret and shows all the same, as `preview --show-secrets` does."""
        for text in _leaves(marked):
            self._stand_in(text)
            with suppress(ValueError):
                for leaf in _leaves(read_json(text)):
                    self._stand_in(leaf)


def shown(text: str) -> str:
    """A finished text for people: `[secret]` for every stand-in."""
    return SECRET.value if _STAND_IN.fullmatch(text) else _STAND_IN.sub(SHOWN, text)


def is_marked(value: Value) -> bool:
    """Whether there is anything in `value` that Pulumi marks as a secret: what it says cannot be compared."""
    marked = value is SECRET or (isinstance(value, str) and value.startswith(_MARKED))
    return marked or any(map(is_marked, inside(value)))


def _is_value_of(option: Value, word: Value) -> bool:
    """Whether `word` is the secret that an option before it on a command line leads to."""
    if not isinstance(option, str) or not isinstance(word, str) or not option.startswith("-") or "=" in option:
        return False
    if option in ("-a", "-p"):  # of redis-cli and mongosh; for others it may be a port
        return not word.isdigit()
    return is_secret(option) or (option in ("-u", "--user") and ":" in word)


def _is_plain(value: Value) -> bool:
    """Whether it only says where AWS keeps the secret, or switches something."""
    return isinstance(value, str) and (value.startswith("arn:aws") or value in ("true", "false"))


def _holds_mapping(value: Value) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(each, Mapping) for each in value))


def _name(element: Value) -> Value:
    """By what an element of a list is found in another state."""
    return next((element[key] for key in ("name", "id", "key") if key in mapping(element)), None)


def _leaves(value: Value) -> Iterator[str]:
    for each in inside(value):
        yield from _leaves(each)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _forms(text: str) -> Iterator[str]:
    """Spellings of a secret that are searched for: as it is, in base64, out of base64."""
    for form in (text, base64.b64encode(text.encode(errors="replace")).decode(), _from_base64(text)):
        if len(form.strip()) >= _LEAST_SEARCHED and not _STAND_IN.search(form):
            yield form


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return ""
