"""Does what `examples/terraform/README.md` says, as a reader would: at a terminal, line by line.

    terraform_example.py URL PROGRAM

What is between its fences is run as it stands, but for the port of the sandbox, which is a free one:
the sandbox of the command line is not used, since the first line serves another. Exit code 77 where
there is no Terraform, or no mirror of the AWS provider.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from provider import Broken
from rehearsal import Rehearsal, rehearse, say

EXAMPLE = Path(__file__).parents[2] / "examples" / "terraform"
PORT = "4566"
TIMEOUT_SECONDS = 240

# What is asked, and what a reader answers.
ANSWERS = {"Enter a value:": b"yes\n", "(y/n)": b"y\n"}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

# What is said once where the README says that there are no changes.
CLEAN = "Your infrastructure matches the configuration."


def commands() -> str:
    """The commands of the README."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (EXAMPLE / "README.md").read_text(), re.M | re.S)
    if len(blocks) != 1 or PORT not in blocks[0]:
        raise Broken("the README has another list of commands than this script expects")
    return str(blocks[0])


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def script(port: str) -> str:
    """The commands, which end at the first one that fails, and leave nothing running."""
    told = commands().replace(PORT, port)
    served = told.replace("sandbox serve &", f"sandbox serve --port {port} &")
    if served == told:
        raise Broken("the README serves the sandbox in another way")
    return (
        "set -eu\nshopt -s expand_aliases\n"
        f"trap 'kill $(jobs -p)' EXIT\n{served}"
    )


def type_in(terraform_rc: str, folder: Path, path: str, text: str) -> str:
    """Runs a script at a terminal, and answers what is asked; gives all that was seen."""
    (folder / "commands.sh").write_text(text)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "commands.sh"],
        cwd=folder,
        env={
            "CHECKPOINT_DISABLE": "1",
            "GOGC": "400",
            "HOME": str(folder),
            "PATH": path,
            "TERM": "dumb",
            "TF_CLI_CONFIG_FILE": terraform_rc,
        },
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        seen = answer(ours)
        code = process.wait(TIMEOUT_SECONDS)
    finally:
        process.kill()
        os.close(ours)
    if code:
        raise Broken(f"the commands of the README end with {code}:\n{seen}")
    return seen


def answer(terminal: int) -> str:
    """Answers what is asked until the terminal is closed; gives all that was seen."""
    seen, told, answered = b"", "", 0
    until = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            return told
        if not part:
            return told
        seen += part
        told = COLOURS.sub("", seen.decode(errors="replace"))
        for asked, reply in ANSWERS.items():
            if asked in told[answered:] and told.rstrip().endswith(asked):
                answered = len(told)
                os.write(terminal, reply)
    raise Broken(f"the commands of the README do not end:\n{told}")


def play(rehearsal: Rehearsal) -> None:
    """Runs everything."""
    terraform = rehearsal.terraform(EXAMPLE)
    program = rehearsal.folder / "bin"
    program.mkdir()
    shutil.copy(rehearsal.binary, program / "release-tool")
    path = f"{program}:{os.environ['PATH']}"
    settings = terraform.environment["TF_CLI_CONFIG_FILE"]
    seen = type_in(settings, terraform.folder, path, script(free_port()))
    wanted = commands().count("# No changes.")
    if seen.count(CLEAN) != wanted or wanted < 2:
        raise Broken(f"`{CLEAN}` was said {seen.count(CLEAN)} times, want {wanted}:\n{seen}")
    say(f"ok   all commands succeed, and {wanted} plans have no changes")
    if seen.count("VERIFIED") < 2:
        raise Broken(f"the services are not verified:\n{seen}")
    say("ok   both services are deployed")


if __name__ == "__main__":
    sys.exit(rehearse(play, "The README does what it says"))
