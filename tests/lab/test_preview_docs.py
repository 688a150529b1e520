"""The previews in `docs/` are what Pulumi's real engine shows of every complete stack today."""

from pathlib import Path

from lab import previews
from lab.aws.site import Aws


def test_the_documented_previews_are_what_the_engine_shows(aws: Aws, tmp_path: Path) -> None:
    shown = previews.previews(aws, tmp_path / "run")
    for stack, text in shown.items():
        documented = (previews.DOCS / f"preview-{stack}.txt").read_text()
        assert text == documented, f"docs/preview-{stack}.txt is old: run `make previews` and read what changed"
    assert "not-a-secret" not in "".join(shown.values())
