#!/usr/bin/python3
"""Types a line into a shell as somebody at a terminal would, tabs and all.

  type_in_shell.py SHELL SETUP LINE

SHELL is bash or zsh, without the user's own start files. SETUP is run first. A tab in LINE completes. Exit status: the
shell's own, 1 if it has not ended after a minute.
"""
import os
import pty
import select
import sys
import time

ARGUMENTS = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}
DEADLINE_SECONDS = 60


def read_until(terminal, wanted, deadline):
    """What comes until `wanted` has been seen, or the shell has ended."""
    seen = b""
    while wanted not in seen and time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if not ready:
            continue
        try:
            seen += os.read(terminal, 65536)
        except OSError:
            break
    return seen


def main(shell, setup, line):
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="dumb", PS1="ready> ", INPUTRC="/nonexistent")
        os.execvp(shell, ARGUMENTS[shell])
    deadline = time.monotonic() + DEADLINE_SECONDS
    os.write(terminal, (setup + "; PS1=; echo set''up\n").encode())
    read_until(terminal, b"setup", deadline)
    for part in line.split("\t"):  # a tab that comes too early is a character like others
        if part is not line.split("\t")[0]:
            os.write(terminal, b"\t")
            time.sleep(0.3)
        os.write(terminal, part.encode())
    os.write(terminal, b"\n")
    time.sleep(0.1)
    os.write(terminal, b"exit\n")
    read_until(terminal, b"no such text comes", deadline)
    ended, how = os.waitpid(child, os.WNOHANG)
    if ended == 0:
        os.kill(child, 9)
        os.waitpid(child, 0)
        return 1
    return os.waitstatus_to_exitcode(how)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
