"""`dr`: where the command starts. Only this file is loaded before Ctrl-C is handled, so it imports almost nothing."""

import sys


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its documented exit code."""
    try:
        from scripts.outermost import run

        code = run(arguments)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
