"""What an earlier docs/benchmarks.md says, so that one part can be measured again without losing the others: the page
itself is what is kept of them."""
import re


class Kept:
    """The sections by their titles (their lines, without the title), the rows of the aims by what is aimed at, and the
    line about the tree."""

    def __init__(self, text=""):
        self.sections, self.aims, self.tree = {}, {}, None
        title = None
        for line in text.splitlines():
            if line.startswith("## "):
                title = line.removeprefix("## ")
                self.sections[title] = []
            elif title is not None:
                self.sections[title].append(line)
            elif line.startswith("Tree: "):
                self.tree = line
        for line in self.sections.get("Aims", []):
            if line.startswith("| "):
                self.aims[re.split(r"(?<!\\)\|", line)[1].strip()] = line


def read(path):
    """Nothing is kept of a page that is not there."""
    try:
        with open(path) as page:
            return Kept(page.read())
    except FileNotFoundError:
        return Kept()
