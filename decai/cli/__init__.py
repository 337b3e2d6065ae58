"""The command line. Each file holds the commands of one noun; each command calls the façade."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run ``decai``: exit 0 when done, 1 when refused or failed with the reason, 2 for wrong usage."""
    from decai.cli.app import app
    from decai.errors import DecAIError

    try:
        app()
    except DecAIError as e:
        from decai.cli.output import fail

        fail(e)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
