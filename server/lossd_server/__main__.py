"""`python -m lossd_server`, which `lossd serve` runs."""

from __future__ import annotations

import sys

from lossd_server import app, settings


def main() -> None:
    """Serves as flags, environment and file say."""
    chosen = settings.read(sys.argv[1:])
    try:
        app.run(chosen)
    except OSError as error:
        raise SystemExit(f"lossd serve: {error}") from None


if __name__ == "__main__":
    main()
