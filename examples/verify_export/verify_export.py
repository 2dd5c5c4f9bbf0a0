#!/usr/bin/env python3
"""Checks an export of a community_core audit log without a database.

    psql -XAtc "SELECT community_core.export_audit('founders.consent_audit_log')" > log.jsonl
    python3 verify_export.py log.jsonl [--checkpoint note.txt] [--print]

It recomputes, from the exact bytes of each entry, every leaf, every link and the Merkle tree root
of every chain, and every value to which an entry commits. Each problem is printed with its line;
the exit status is 0 when there is none, 1 when there is one, 2 when the file cannot be read.

Needs Python 3.8 or later and nothing else. It shares no code with the extension: it is written
from docs/audit.md alone, and so can be yours.
"""

import argparse
import base64
import datetime
import hashlib
import json
import struct
import sys

ZERO = bytes(32)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


class Tree:
    """The right edge of an RFC 6962 tree: (number of leaves, root) of its full subtrees."""

    def __init__(self, size=0, peaks=()):
        widths = [1 << bit for bit in range(64, -1, -1) if size >> bit & 1]
        if len(widths) != len(peaks):
            raise ValueError("the frontier does not fit the size of the tree")
        self.peaks = list(zip(widths, peaks))

    def push(self, leaf):
        width = 1
        while self.peaks and self.peaks[-1][0] == width:
            leaf = sha256(b"\x01", self.peaks.pop()[1], leaf)
            width *= 2
        self.peaks.append((width, leaf))

    def root(self):
        if not self.peaks:
            return sha256()
        root = self.peaks[-1][1]
        for _, left in reversed(self.peaks[:-1]):
            root = sha256(b"\x01", left, root)
        return root


class Decoder:
    """Reads the canonical bytes of an entry."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("the bytes end in the middle of a value")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def sized(self):
        return self.take(self.number("I"))

    def text(self):
        return self.sized().decode("utf-8")

    def entry(self):
        version, subject = self.take(1), self.take(1)
        if version != b"\x01" or subject not in b"RE":
            raise ValueError("this is no entry of version 1")
        fields = {}
        for _ in range(self.number("I")):
            name = self.text()
            fields[name] = self.value()
        if self.at != len(self.data):
            raise ValueError("there are bytes behind the last field")
        return subject.decode(), fields

    def value(self):
        tag = self.take(1)
        if tag == b"N":
            return None
        if tag == b"C":
            return {"commitment": self.take(32).hex()}
        if tag == b"b":
            return self.take(1) == b"\x01"
        if tag == b"i":
            return self.number("q")
        if tag == b"d":
            return self.sized().decode("ascii")
        if tag == b"e":
            return self.number("f")
        if tag == b"f":
            return self.number("d")
        if tag == b"s":
            return self.text()
        if tag == b"x":
            return "\\x" + self.sized().hex()
        if tag == b"u":
            digits = self.take(16).hex()
            return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        if tag == b"z":
            return instant(self.number("q"), "+00:00")
        if tag == b"t":
            return instant(self.number("q"), "")
        if tag == b"D":
            return day(self.number("i"))
        if tag == b"T":
            return clock(self.number("q"))
        if tag == b"I":
            return {"months": self.number("i"), "days": self.number("i"), "microseconds": self.number("q")}
        if tag == b"j":
            return self.node()
        if tag == b"a":
            return self.array([(self.number("i"), self.number("i")) for _ in range(self.number("I"))])
        if tag == b"o":
            return {"type": self.text(), "text": self.text()}
        raise ValueError("unknown kind of value %r" % tag)

    def array(self, dimensions):
        if not dimensions:
            return []
        if len(dimensions) == 1:
            return [self.value() for _ in range(dimensions[0][0])]
        return [self.array(dimensions[1:]) for _ in range(dimensions[0][0])]

    def node(self):
        tag = self.take(1)
        if tag == b"n":
            return None
        if tag in b"tf":
            return tag == b"t"
        if tag == b"#":
            return Digits(self.sized().decode("ascii"))
        if tag == b'"':
            return self.text()
        if tag == b"[":
            return [self.node() for _ in range(self.number("I"))]
        if tag == b"{":
            return {self.text(): self.node() for _ in range(self.number("I"))}
        raise ValueError("unknown kind of JSON %r" % tag)


class Digits(str):
    """A number of a JSON value, with every digit that it had."""


def day(days):
    if days in (2**31 - 1, -(2**31)):
        return "infinity" if days > 0 else "-infinity"
    try:
        return (datetime.date(2000, 1, 1) + datetime.timedelta(days=days)).isoformat()
    except OverflowError:
        return "2000-01-01 %+d days" % days


def clock(microseconds):
    seconds, fraction = divmod(microseconds, 1_000_000)
    shown = "%02d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)
    return shown + (".%06d" % fraction if fraction else "")


def instant(microseconds, zone):
    if microseconds in (2**63 - 1, -(2**63)):
        return "infinity" if microseconds > 0 else "-infinity"
    days, rest = divmod(microseconds, 86_400_000_000)
    return "%s %s%s" % (day(days), clock(rest), zone)


class Chain:
    def __init__(self, name):
        self.name = name
        self.size = 0
        self.hash = ZERO
        self.tree = Tree()
        self.complete = True
        self.ended = False


class Verifier:
    def __init__(self, show):
        self.show = show
        self.log = None
        self.chains = {}
        self.entries = 0
        self.problems = 0
        self.line = 0
        # (chain, sequence) -> names of the columns that were erased, and those that may be.
        self.committed = {}
        self.erased = {}
        # chain -> size -> the root at that size, for a checkpoint.
        self.wanted = {}
        self.roots = {}

    def problem(self, text):
        self.problems += 1
        print("line %d: %s" % (self.line, text))

    def read(self, file):
        for self.line, text in enumerate(file, 1):
            line = json.loads(text)
            if self.line == 1:
                if line.get("format") != "community_core audit export" or line.get("version") != 1:
                    raise ValueError("this is no export of a community_core audit log, version 1")
                self.log = line
            elif "sequence" in line:
                self.entry(line)
            elif "after" in line:
                self.middle(line)
            else:
                self.end(line)
        if self.log is None:
            raise ValueError("the file is empty")
        for chain in self.chains.values():
            if not chain.ended:
                self.problem("chain %r has no end: the file was cut" % chain.name)
        self.authority()

    def chain(self, name):
        return self.chains.setdefault(name, Chain(name))

    def middle(self, line):
        chain = self.chain(line["chain"])
        chain.size = line["after"]
        chain.hash = bytes.fromhex(line["hash"]) or ZERO
        chain.tree = Tree(chain.size, [bytes.fromhex(peak) for peak in line["frontier"]])
        chain.complete = False
        self.note_root(chain)

    def entry(self, line):
        self.entries += 1
        chain = self.chain(line["chain"])
        sequence, leaf, link = line["sequence"], bytes.fromhex(line["leaf"]), bytes.fromhex(line["hash"])
        where = "chain %r, entry %d" % (chain.name, sequence)
        if sequence != chain.size + 1:
            self.problem("%s: entries %d to %d are missing" % (where, chain.size + 1, sequence - 1))
        elif link != sha256(b"\x02", chain.name.encode(), struct.pack(">Q", sequence), chain.hash, leaf):
            self.problem("%s: it does not follow from the entry before it" % where)
        if line["entry"] is None:
            self.problem("%s: the entry is gone" % where)
        else:
            data = bytes.fromhex(line["entry"])
            if sha256(b"\x00", data) != leaf:
                self.problem("%s: the entry is not what was sealed" % where)
            self.look_inside(data, line.get("open", {}), chain.name, sequence, where)
        chain.size, chain.hash = sequence, link
        chain.tree.push(leaf)
        self.note_root(chain)

    def look_inside(self, data, opened, chain, sequence, where):
        try:
            subject, fields = Decoder(data).entry()
        except (ValueError, struct.error) as error:
            self.problem("%s: %s" % (where, error))
            return
        for name, proof in opened.items():
            salt, value = bytes.fromhex(proof["salt"]), bytes.fromhex(proof["value"])
            committed = fields.get(name)
            if committed != {"commitment": sha256(b"\x10", salt, value).hex()}:
                self.problem("%s: %s is not the value that was sealed" % (where, name))
            else:
                fields[name] = Decoder(value).value()
        for name, value in fields.items():
            if isinstance(value, dict) and set(value) == {"commitment"}:
                self.committed[chain, sequence, name] = where
                fields[name] = "(erased)"
        if subject == "E":
            for entry in fields["entries"]:
                for name in fields["columns"]:
                    self.erased[chain, entry, name] = True
        if self.show:
            shown = {"chain": chain, "sequence": sequence, "erasure" if subject == "E" else "entry": fields}
            print(json.dumps(shown, ensure_ascii=False))

    def authority(self):
        for key, where in self.committed.items():
            if key not in self.erased and self.chains[key[0]].ended:
                self.problem("%s: %s was erased without an erasure entry" % (where, key[2]))

    def end(self, line):
        chain = self.chain(line["chain"])
        chain.ended = True
        if chain.size != line["size"]:
            self.problem("chain %r has %d entries here and %d in its head" % (chain.name, chain.size, line["size"]))
            return
        if chain.hash.hex() != line["hash"]:
            self.problem("chain %r: the head does not hold the last link" % chain.name)
        if chain.tree.root().hex() != line["root"]:
            self.problem("chain %r: the root is not that of the entries" % chain.name)

    def want(self, name, size):
        self.wanted.setdefault(name, set()).add(size)

    def note_root(self, chain):
        if chain.size in self.wanted.get(chain.name, ()):
            self.roots[chain.name, chain.size] = chain.tree.root()


def trees(note):
    """(origin, size, root) of each tree of a checkpoint; its signature is not looked at."""
    lines = note.split("\n\n")[0].split("\n")
    if lines[0].startswith("community_core/"):
        return [(o, int(s), base64.b64decode(r)) for o, s, r in (line.split(" ") for line in lines[3:] if line)]
    return [(lines[0], int(lines[1]), base64.b64decode(lines[2]))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("export", help="the file, or - for standard input")
    parser.add_argument("--checkpoint", help="a checkpoint (signed or not) that the export must continue")
    parser.add_argument("--print", action="store_true", dest="show", help="print each entry as JSON")
    options = parser.parse_args()
    verifier = Verifier(options.show)
    try:
        file = sys.stdin if options.export == "-" else open(options.export, encoding="utf-8")
        expected = []
        if options.checkpoint:
            with open(options.checkpoint, encoding="utf-8") as note:
                expected = trees(note.read())
        for origin, size, _ in expected:
            verifier.want("/".join(origin.split("/")[2:]), size)
        with file:
            verifier.read(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print("%s, line %d: %s" % (options.export, verifier.line, error), file=sys.stderr)
        return 2
    seen = 0
    for origin, size, root in expected:
        name = "/".join(origin.split("/")[2:])
        if name not in verifier.chains:
            continue
        seen += 1
        if size and verifier.roots.get((name, size)) != root:
            verifier.problem("chain %r does not continue the checkpoint of %d entries" % (name, size))
    checked = ", %d of %d trees of the checkpoint" % (seen, len(expected)) if expected else ""
    verdict = "intact" if not verifier.problems else "%d problems" % verifier.problems
    print("%d entries in %d chains%s: %s" % (verifier.entries, len(verifier.chains), checked, verdict),
          file=sys.stderr)
    return 1 if verifier.problems else 0


if __name__ == "__main__":
    sys.exit(main())
