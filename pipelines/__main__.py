"""``python -m pipelines`` is the command ``ilms``."""

from pipelines.command_line import main

if __name__ == "__main__":
    main()
