#!/usr/bin/python3
"""TRY has no place behind the first member of a braced list.

When it returns from there, our compilers forget to destroy the members already made: a leak that foreign bytes can
cause again and again. Take the value into a variable first. (Arguments in parentheses are destroyed as they should be.)
"""
import os
import re
import sys
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((.*?)\)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
TEMPLATE = re.compile(r"<[^<>;(){}=&|]*>")
TOKEN = re.compile(r"\bTRY(?:_WITHIN)?\(|[(){}\[\],;\n]")


def blank(match):
    return "".join("\n" if letter == "\n" else " " for letter in match[0])


def misplaced(text):
    """The lines on which a TRY stands behind the first member of a braced list."""
    text = NOISE.sub(blank, text)
    for _ in range(4):  # templates in templates
        text = TEMPLATE.sub(blank, text)
    lines, line, levels = [], 1, [["", False]]  # each open bracket, and whether a comma was seen in it
    for token in TOKEN.findall(text):
        if token == "\n":
            line += 1
        elif token in "([{":
            levels.append([token, False])
        elif token in ")]}":
            if len(levels) > 1:
                levels.pop()
        elif token == ",":
            levels[-1][1] = True
        elif token == ";":
            levels[-1][1] = False
        else:
            if levels[-1] == ["{", True]:
                lines.append(line)
            levels.append(["(", False])
    return lines


class BracesTest(unittest.TestCase):
    def test_no_try_behind_the_first_member_of_a_braced_list(self):
        for top in ["fs", "server", "builder", "initramfs", "tools", "tests"]:
            for folder, _, files in os.walk(os.path.join(ROOT, top)):
                for name in files:
                    if name.endswith((".h", ".cc")):
                        path = os.path.join(folder, name)
                        with open(path, encoding="utf-8") as source:
                            for line in misplaced(source.read()):
                                with self.subTest(file=f"{os.path.relpath(path, ROOT)}:{line}"):
                                    self.fail("TRY behind the first member of a braced list")

    def test_it_bites(self):
        self.assertEqual(misplaced("x;\nreturn Pair{a, TRY(b())};"), [2])
        self.assertEqual(misplaced("Pair pair{TRY(a()),\n          TRY(b())};"), [2])
        self.assertEqual(misplaced('return Pair{"x", TRY_WITHIN("why", b())};'), [1])
        self.assertEqual(misplaced("Pair pair{.a = 1, .b = TRY(b())};"), [1])

    def test_it_lets_pass_what_is_right(self):
        self.assertEqual(misplaced("return Pair{TRY(a())};"), [])
        self.assertEqual(misplaced("f(a, TRY(b()));"), [])
        self.assertEqual(misplaced("void f(A a, B b) {\n  std::map<A, B> x = TRY(b());\n}"), [])
        self.assertEqual(misplaced("Pair{f(a, b)}; // , \nx{TRY(b(a, c))};"), [])
        self.assertEqual(misplaced("while (a, TRY(more())) {}"), [])


if __name__ == "__main__":
    unittest.main()
