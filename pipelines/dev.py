"""The command ``ilms dev``: Dagster's web interface and daemon on the data folder."""

import os
import socket
import sys

import click

from pipelines.home import Home

_HOST = "127.0.0.1"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port on this machine.")
@click.pass_obj
def dev(home: Home, port: int) -> None:
    """Open Dagster on the data folder: tables, rounds and checks in the browser.

    It listens on this machine only (http://127.0.0.1:PORT) and shares its history with "ilms run". While it is
    open, received files are processed as they come; the nightly release is off until it is switched on there.
    End it with Ctrl+C.
    """
    from pipelines.dagster_home import prepare_dagster

    _refuse_taken(port)
    home.prepare()
    prepare_dagster(home)
    arguments = ["-W", "ignore:Function `dev_command` is superseded", "-m", "dagster", "dev"]
    arguments += ["-m", "pipelines.definitions", "--host", _HOST, "--port", str(port)]
    os.execv(sys.executable, [sys.executable, *arguments])


def _refuse_taken(port: int) -> None:
    """Refuse a port on which something answers: Dagster would start all its processes first."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise click.UsageError(f"port {port} cannot be used ({error.strerror}); give another with --port") from None
