"""How far MongoDB's log is in the bucket. Pure rules.

The position, one an epoch of the lease, lies beside the pointers to the newest backups. It makes asking how far the log
is cheap, however old the log; and while nothing changes it is all that is written, so that the token by which the
server's change stream is resumed stays young. The log itself can be found without it.
"""

from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from recovery.copies.mongo_log import Line
from recovery.copies.stretches import Run
from recovery.errors import Corrupt
from recovery.names import pointer_key, pointer_prefix

POSITIONS = pointer_prefix("mongo", "log")


class MongoLogPosition(BaseModel):
    """A line of the log, which begins at `start`. [`start`, `whole`) is there in locked segments, and up to `end` in
    ranges; from there to `reach` nothing changed. `token` (BSON, hexadecimal) resumes the change stream at `reach`.
    More may have been stored since `at`, when this was written: it begins at `end`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: int
    source: str = Field(pattern=r"^[0-9A-Za-z._-]+$")
    start: int = Field(ge=0)
    whole: int = Field(ge=0)
    end: int = Field(ge=0)
    reach: int = Field(ge=0)
    token: str = Field(pattern=r"^([0-9a-f]{2})*$")
    at: AwareDatetime

    @property
    def still(self) -> Run:
        """In which nothing changed."""
        return Run(self.end, self.reach)

    @property
    def line(self) -> Line:
        """Whose it is."""
        return Line(self.epoch, self.source)

    @property
    def key(self) -> str:
        """The object's key: one an epoch, so that a fenced site moves only its own."""
        return pointer_key("mongo", "log", self.epoch)

    def may_follow(self, current: "MongoLogPosition") -> bool:
        """Whether this one may take the place of `current`: never with a lower epoch, never backwards."""
        return (self.epoch, self.reach, self.whole) >= (current.epoch, current.reach, current.whole)

    def to_json(self) -> bytes:
        """The object's content."""
        return self.model_dump_json(indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, body: bytes, *, key: str) -> Self:
        """Read it. Raises Corrupt naming `key` when it is none."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise Corrupt(
                f"{key} is not the log's position: {error.errors()[0]['msg']}",
                next_step="find out who wrote this object and bring its last version back; the log itself is elsewhere",
            ) from None
