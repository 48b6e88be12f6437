"""Reads Prometheus' text format 0.0.4 from a file, by the book and without any of our code, and complains about the
first thing that is wrong: families that come twice, samples outside their family, labels that cannot be read, histograms
that do not add up. Prints one JSON object: {"name{label="value",...}": value}.
"""
import json
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"^({NAME})(?:\{{(.*)\}})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def labels_of(text):
    labels, at = [], 0
    while at < len(text):
        found = LABEL.match(text, at)
        assert found, f"labels cannot be read: {text!r}"
        labels.append((found[1], re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], found[2])))
        at = found.end()
    names = [name for name, _ in labels]
    assert len(set(names)) == len(names), f"a label comes twice: {text!r}"
    return tuple(sorted(labels))


def parse(text):
    assert text.endswith("\n"), "the last line has no end"
    families, samples, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in families, f"family {name} comes twice"
            families[name], current = None, name
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current and families[name] is None, f"TYPE out of place: {line}"
            assert kind in ("counter", "gauge", "histogram"), line
            assert kind != "counter" or name.endswith("_total"), f"a counter without _total: {name}"
            families[name] = kind
        elif not line.startswith("#"):
            found = SAMPLE.match(line)
            assert found, f"not a sample: {line!r}"
            base = found[1]
            if families.get(current) == "histogram":
                base = re.sub(r"_(bucket|sum|count)$", "", base)
            assert base == current, f"a sample of {found[1]} within family {current}"
            key = (found[1], labels_of(found[2] or ""))
            assert key not in samples, f"sample comes twice: {line}"
            samples[key] = float(found[3])
            assert families[current] == "gauge" or samples[key] >= 0, line
    check_histograms(families, samples)
    return samples


def check_histograms(families, samples):
    series = {}
    for (name, labels), value in samples.items():
        base = name.removesuffix("_bucket")
        if name.endswith("_bucket") and families.get(base) == "histogram":
            rest = tuple(each for each in labels if each[0] != "le")
            bound = dict(labels)["le"]
            series.setdefault((base, rest), []).append((float(bound.replace("+Inf", "inf")), value))
    for (base, labels), buckets in series.items():
        buckets.sort()
        counts = [count for _, count in buckets]
        assert counts == sorted(counts), f"buckets of {base} shrink: {buckets}"
        assert buckets[-1][0] == float("inf"), f"no +Inf in {base}"
        assert samples[(base + "_count", labels)] == counts[-1], f"{base}_count is not its last bucket"
        assert (base + "_sum", labels) in samples, f"no {base}_sum"


if __name__ == "__main__":
    parsed = parse(open(sys.argv[1], encoding="utf-8").read())
    print(json.dumps({name + "{" + ",".join(f'{k}="{v}"' for k, v in labels) + "}": value
                      for (name, labels), value in parsed.items()}, indent=1))
