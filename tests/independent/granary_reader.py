#!/usr/bin/python3
"""A second reader of Granary repositories, written from docs/format.md alone: the proof that the page is enough.

  granary_reader.py list    REPO [options]        every path of a snapshot
  granary_reader.py list    --directory DIR       the same lines for a directory on disk
  granary_reader.py extract REPO DEST [options]   the snapshot as files below DEST (absent or empty)
  granary_reader.py digest  REPO [options]        recompute every digest from rows and bytes, compare, print
  granary_reader.py digest  --directory DIR       the tree digest of a directory on disk
  granary_reader.py inspect FILE | REPO DIGEST    an object, catalog index or document for people

options: --trust FILE, --branch B | --tag T | --snapshot ID (default: --branch main), --archive (accept an expired timestamp)
REPO is a directory or an http URL. Without --trust the repository's own first root is taken and a warning printed.
Lines of `list`: type, mode, uid:gid, size, mtime, path, then "-> target", "major,minor", "= other name of a hard link" and
"xattr:name=hex"; bytes that are not printable ASCII, blanks and backslashes are \\xNN.
Needs python3-zstandard and python3-cryptography. Exit status: 0 fine, 1 refused or incomplete, 2 wrong usage.
Section numbers below are those of docs/format.md.
"""
import argparse, base64, binascii, datetime, hashlib, json, os, re, sqlite3, stat, struct, sys, tempfile
import urllib.error, urllib.request, zlib

import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FILE, DIRECTORY, SYMLINK, CHAR, BLOCK, FIFO, SOCKET = range(1, 8)
TYPE_NAMES = ["", "file", "directory", "symlink", "char", "block", "fifo", "socket"]
STAT_TYPES = {stat.S_IFREG: FILE, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: SYMLINK, stat.S_IFCHR: CHAR,
              stat.S_IFBLK: BLOCK, stat.S_IFIFO: FIFO, stat.S_IFSOCK: SOCKET}


class Refused(Exception):
    pass


def need(condition, *message):
    if not condition:
        raise Refused(" ".join(str(part) for part in message))


def warn(*message):
    print("granary_reader:", *message, file=sys.stderr)


def show(raw):
    return "".join(chr(b) if 0x20 < b < 0x7F and b != 0x5C else f"\\x{b:02x}" for b in raw)


def sha256(raw):
    return hashlib.sha256(raw).digest()


# ---- 1 Primitive encodings

class Input:
    def __init__(self, raw, what):
        self.raw, self.at, self.what = raw, 0, what

    def take(self, size):
        need(self.at + size <= len(self.raw), self.what, "ends too early")
        self.at += size
        return self.raw[self.at - size:self.at]

    def unpack(self, format):  # "<BBHQ": little-endian u8 u8 u16 u64
        return struct.unpack(format, self.take(struct.calcsize(format)))

    def string(self):
        return self.take(self.unpack("<I")[0])

    def varint(self):
        value, shift = 0, 0
        while True:
            byte, = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                need((byte or shift == 7) and value < 1 << 64, self.what, "holds a varint that is too long")
                return value
            need(shift < 70, self.what, "holds a varint that is too long")

    def end(self):
        need(self.at == len(self.raw), self.what, "has trailing bytes")


def string(raw):
    return struct.pack("<I", len(raw)) + raw


# ---- 3 Objects

MAX_OBJECT, MAX_OBJECT_FILE, MAX_WINDOW, MAX_HEAD = 16 << 20, 17_043_456, 8 << 20, 4 << 20


def read_object_header(file, what):
    header = Input(file, what)
    magic, version, codec, reserved, size = header.unpack("<4sBBHQ")
    need(magic == b"GRNO", what, "is not an object")
    need(version == 1 and codec <= 2, what, f"has version {version}, codec {codec}: a newer Granary is needed")
    need(reserved == 0 and size <= MAX_OBJECT, what, "has a bad header")
    return codec, size, file[header.at:]


def decode_object(file, what):
    codec, size, payload = read_object_header(file, what)
    if codec == 0:
        plain, ended, rest = payload, True, b""
    else:
        try:
            decoder = zstd_decoder(payload, what) if codec == 2 else zlib.decompressobj()
            plain = bytearray()
            for at in range(0, len(payload), 1024):  # in small pieces, so that a bomb is noticed in time
                plain += decoder.decompress(payload[at:at + 1024])
                need(len(plain) <= size, what, "yields too many bytes")
                if decoder.eof:
                    break
            ended, rest = decoder.eof, decoder.unused_data + payload[at + 1024:] if payload else b""
        except (zlib.error, zstandard.ZstdError) as error:
            raise Refused(f"{what} is damaged: {error}")
    need(ended and len(plain) == size, what, "yields a wrong number of bytes")
    need(not rest, what, "has trailing bytes")
    return bytes(plain)


def zstd_decoder(payload, what):
    frame = zstandard.get_frame_parameters(payload)
    need(payload[:4] == b"\x28\xb5\x2f\xfd" and frame.dict_id == 0, what, "is no plain zstd frame")
    need(frame.window_size <= MAX_WINDOW, what, "wants a window of", frame.window_size, "bytes")
    return zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()


class Repository:
    def __init__(self, place):
        self.place, self.cache = place.rstrip("/"), {}
        self.remote = re.match("https?://", place) is not None

    def file(self, path, limit):
        try:
            if self.remote:
                with urllib.request.urlopen(f"{self.place}/{path}", timeout=60) as answer:
                    raw = answer.read(limit + 1)
            else:
                with open(os.path.join(self.place, path), "rb") as file:
                    raw = file.read(limit + 1)
        except (OSError, urllib.error.URLError) as error:
            raise Refused(f"cannot read {path} of {self.place}: {error.strerror or error}")
        need(len(raw) <= limit, path, "is longer than", limit, "bytes")
        return raw

    def object(self, digest):
        if digest not in self.cache:
            name = digest.hex()
            plain = decode_object(self.file(f"objects/{name[:2]}/{name[2:]}", MAX_OBJECT_FILE), f"object {name[:12]}")
            need(sha256(plain) == digest, "object", name, "holds other bytes")
            while sum(map(len, self.cache.values())) > 64 << 20:
                self.cache.pop(next(iter(self.cache)))
            self.cache[digest] = plain
        return self.cache[digest]


# ---- 4 Files as slices: (object or None, offset, length)

def read_slices(raw, what):
    slices, data = [], Input(raw, what)
    while data.at < len(raw):
        kind, = data.unpack("<B")
        need(kind <= 1, what, "has a slice of unknown kind", kind)
        slices.append((data.take(32), data.varint(), data.varint()) if kind else (None, 0, data.varint()))
    return slices


def content(repository, node, what):
    """The plain bytes of a file, piece by piece; None and a length for a hole."""
    for digest, offset, length in node.slices:
        if digest is None:
            yield None, length
        else:
            plain = repository.object(digest)
            need(offset + length <= len(plain), what, "has a slice beyond its object")
            yield plain[offset:offset + length], length


def content_digest(repository, node, what):
    hash, zeros = hashlib.sha256(), bytes(1 << 20)
    for piece, length in content(repository, node, what):
        if piece is not None:
            hash.update(piece)
        for done in range(0, length if piece is None else 0, len(zeros)):
            hash.update(zeros[:length - done])
    return hash.digest()


# ---- 5 Tree digest

class Node:
    """One entry: what the node encoding covers, and where its bytes are."""
    type = mode = uid = gid = mtime = mtime_ns = size = inode = nlink = major = minor = 0
    xattrs, slices, digest, target = (), (), None, b""

    def __init__(self, **fields):
        self.children = {}
        self.__dict__.update(fields)

    def encode(self, name):
        out = struct.pack("<B", self.type) + string(name) + struct.pack("<IIIqI", self.mode, self.uid, self.gid, self.mtime,
                                                                        self.mtime_ns) + encode_xattrs(self.xattrs)
        if self.type == FILE:
            return out + struct.pack("<Q", self.size) + self.digest
        if self.type == DIRECTORY:
            return out + self.digest
        if self.type == SYMLINK:
            return out + string(self.target)
        return out + (struct.pack("<II", self.major, self.minor) if self.type in (CHAR, BLOCK) else b"")


def encode_xattrs(xattrs):
    return struct.pack("<I", len(xattrs)) + b"".join(string(name) + string(value) for name, value in xattrs)


def read_xattrs(raw, what):
    data = Input(raw, what)
    xattrs = [(data.string(), data.string()) for _ in range(data.unpack("<I")[0])]
    data.end()
    need(xattrs, what, "has an empty list of xattrs")
    return xattrs


def check_node(name, node, what):
    need(node.inode == 1 or 1 <= len(name) <= 255 and name not in (b".", b"..")
         and b"/" not in name and b"\0" not in name, what, "has a bad name")
    need(0 <= node.mode <= 0o7777 and 0 <= node.mtime_ns < 10**9 and 0 <= node.uid < 1 << 32 and 0 <= node.gid < 1 << 32,
         what, "has a bad mode, owner or time")
    names = [name for name, _ in node.xattrs]
    need(names == sorted(set(names)), what, "has xattrs out of order")
    need(all(1 <= len(name) <= 255 and b"\0" not in name and len(value) <= 65536 for name, value in node.xattrs),
         what, "has a bad xattr")
    need(node.type != SYMLINK or 1 <= len(node.target) <= 4095 and b"\0" not in node.target, what, "has a bad target")


def walk(root):
    """(path, node) from the root down, a directory before its entries, entries in byte order; the root's path is empty."""
    todo = [(b"", root)]
    while todo:
        path, node = todo.pop()
        yield path, node
        todo += [(path + b"/" + name if path else name, node.children[name]) for name in sorted(node.children, reverse=True)]


def link_groups(nodes):
    """directory's path → its hard-link groups, each the list of its paths from the root; all in byte order."""
    names, groups = {}, {}
    for path, node in nodes:
        if node.type != DIRECTORY:
            names.setdefault(node.inode, []).append(path)
    for paths in names.values():
        if len(paths) > 1:
            lowest = b"/".join(os.path.commonprefix([path.split(b"/")[:-1] for path in paths]))
            groups.setdefault(lowest, []).append(sorted(paths))
    return {directory: sorted(found) for directory, found in groups.items()}


def tree_digest(root):
    """Fills in directory digests that are missing, refuses those that are wrong."""
    nodes = list(walk(root))
    groups = link_groups(nodes)
    for path, node in reversed(nodes):
        if node.type == DIRECTORY:
            found, skip = groups.get(path, []), len(path) + 1 if path else 0
            data = [b"granary-dir-v1\0\0", struct.pack("<I", len(node.children))]
            data += [node.children[name].encode(name) for name in sorted(node.children)]
            data += [struct.pack("<I", len(found))]
            data += [struct.pack("<I", len(group)) + b"".join(string(path[skip:]) for path in group) for group in found]
            digest = sha256(b"".join(data))
            need(node.digest in (None, digest), "/" + show(path), "has a wrong directory digest")
            node.digest = digest
    return sha256(b"granary-tree-v1\0" + root.encode(b""))


def scan_directory(top, contents=True):
    """The tree of a directory on disk."""
    def scan(path):
        st = os.lstat(path)
        node = Node(type=STAT_TYPES[stat.S_IFMT(st.st_mode)], mode=stat.S_IMODE(st.st_mode), uid=st.st_uid, gid=st.st_gid,
                    inode=(st.st_dev, st.st_ino), xattrs=sorted((os.fsencode(name), os.getxattr(path, name, follow_symlinks=False))
                                                               for name in os.listxattr(path, follow_symlinks=False)))
        node.mtime, node.mtime_ns = divmod(st.st_mtime_ns, 10**9)
        if node.type == FILE:
            node.size, hash = st.st_size, hashlib.sha256()
            with open(path, "rb") as file:
                for piece in iter(lambda: contents and file.read(1 << 20), b"" if contents else False):
                    hash.update(piece)
            node.digest = hash.digest()
        elif node.type == DIRECTORY:
            node.children = {name: scan(os.path.join(path, name)) for name in os.listdir(path)}
            node.size = len(node.children)
        elif node.type == SYMLINK:
            node.target = os.readlink(path)
            node.size = len(node.target)
        elif node.type in (CHAR, BLOCK):
            node.major, node.minor = os.major(st.st_rdev), os.minor(st.st_rdev)
        return node
    return scan(os.fsencode(top))


# ---- 6 Catalog

PAGE, GROUP, LEAF = 16384, 65536, 512
SCHEMA = {
    "CREATE TABLE entry(parent INTEGER NOT NULL,name BLOB NOT NULL,inode INTEGER NOT NULL,type INTEGER NOT NULL,"
    "mode INTEGER NOT NULL,uid INTEGER NOT NULL,gid INTEGER NOT NULL,mtime INTEGER NOT NULL,mtime_ns INTEGER NOT NULL,"
    "nlink INTEGER NOT NULL,size INTEGER NOT NULL,digest BLOB,data BLOB,xattrs BLOB,PRIMARY KEY(parent,name)) WITHOUT ROWID",
    "CREATE INDEX entry_inode ON entry(inode)",
    "CREATE TABLE slice(inode INTEGER NOT NULL,start INTEGER NOT NULL,length INTEGER NOT NULL,object BLOB,"
    "offset INTEGER NOT NULL,PRIMARY KEY(inode,start)) WITHOUT ROWID",
    "CREATE TABLE link_group(directory INTEGER NOT NULL,inode INTEGER NOT NULL,PRIMARY KEY(directory,inode)) WITHOUT ROWID",
    "CREATE TABLE property(name TEXT NOT NULL,value INTEGER NOT NULL,PRIMARY KEY(name)) WITHOUT ROWID",
}


def read_catalog_index(raw):
    data = Input(raw, "catalog index")
    magic, version, levels, reserved, page, per_group, pages = data.unpack("<4sBBHIIQ")
    need(magic == b"GRNC", "not a catalog index")
    need(version == 1, "catalog index has version", version, "and a newer Granary is needed")
    need(levels in (1, 2) and (reserved, page, per_group) == (0, PAGE, 4), "catalog index has a bad header")
    references = [data.take(32) for _ in range(data.unpack("<I")[0])]
    inlined = [(data.unpack("<I")[0], data.take(PAGE)) for _ in range(data.unpack("<I")[0])]
    data.end()
    groups, numbers = (pages + 3) // 4, [number for number, _ in inlined]
    need(pages >= 1 and (levels == 1) == (groups <= LEAF), "catalog index has the wrong number of levels")
    need(len(references) == (groups if levels == 1 else (groups + LEAF - 1) // LEAF) and len(references) <= 8192,
         "catalog index has a wrong number of references")
    need(len(inlined) <= 16 and numbers == sorted(set(numbers)) and all(1 <= n <= pages for n in numbers), "bad inlined pages")
    return levels, pages, references, inlined


def read_catalog_leaf(raw):
    data = Input(raw, "catalog index leaf")
    magic, version, zero, reserved, count = data.unpack("<4sBBHI")
    need((magic, version, zero, reserved) == (b"GRNI", 1, 0, 0) and 1 <= count <= LEAF, "bad catalog index leaf")
    groups = [data.take(32) for _ in range(count)]
    data.end()
    return groups


def assemble_catalog(repository, digest, out):
    levels, pages, references, inlined = read_catalog_index(repository.object(digest))
    if levels == 2:
        leaves = [read_catalog_leaf(repository.object(leaf)) for leaf in references]
        need(all(len(leaf) == LEAF for leaf in leaves[:-1]), "catalog index has a leaf that is not full")
        references = [group for leaf in leaves for group in leaf]
        need(len(references) == (pages + 3) // 4, "catalog index has a wrong number of groups")
    for number, group in enumerate(references):
        raw = repository.object(group)
        need(len(raw) == min(GROUP, pages * PAGE - number * GROUP), "page group", number, "has a wrong size")
        out.write(raw)
    out.flush()
    for number, page in inlined:
        need(os.pread(out.fileno(), PAGE, (number - 1) * PAGE) == page, "inlined page", number, "differs from its group")
    header = os.pread(out.fileno(), 100, 0)
    need(header[:16] == b"SQLite format 3\0" and header[16:21] == b"\x40\0\1\1\0", "catalog has a bad SQLite header")
    field = lambda at: struct.unpack_from(">I", header, at)[0]
    need(field(28) == pages and field(52) == 0 and field(64) == 0 and field(56) == 1, "catalog has a bad SQLite header")
    need(field(68) == 1196576345, "catalog has the application id of something else")
    need(field(60) == 1, "catalog has user_version", field(60), "and a newer Granary is needed")


def read_catalog(repository, digest):
    """The root of a catalog's tree and its properties, every rule checked that needs no file content."""
    with tempfile.NamedTemporaryFile(prefix="granary-catalog-") as file:
        assemble_catalog(repository, digest, file)
        db = sqlite3.connect(f"file:{file.name}?mode=ro&immutable=1", uri=True)
        try:
            for pragma in "trusted_schema=off", "cell_size_check=on", "query_only=on":
                db.execute("PRAGMA " + pragma)
            schema = [sql for sql, in db.execute("SELECT sql FROM sqlite_schema")]
            need(len(schema) == len(SCHEMA) and set(schema) == SCHEMA, "catalog has another schema")
            need(db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "catalog is damaged")
            entries, slices, links, properties = (db.execute("SELECT * FROM " + order).fetchall() for order in (
                "entry ORDER BY parent,name", "slice ORDER BY inode,start", "link_group ORDER BY 1,2", "property"))
        except sqlite3.Error as error:
            raise Refused(f"catalog is damaged: {error}")
        finally:
            db.close()
    stretches = read_slice_rows(slices)
    rows = [read_entry_row(row, stretches) for row in entries]
    return check_tree(rows, stretches, links), check_properties(rows, properties)


def is_int(*values):
    return all(type(value) is int for value in values)


def is_blob(*values):
    return all(type(value) is bytes for value in values)


def read_slice_rows(rows):
    stretches, ends = {}, {}
    for inode, start, length, digest, offset in rows:
        need(is_int(inode, start, length, offset) and offset >= 0, "slice table has a bad row")
        need(is_blob(digest) and len(digest) == 32 if digest is not None else offset == 0, "slice of", inode, "has a bad object")
        need(start == ends.get(inode, 0), "slices of inode", inode, "leave a gap or overlap")
        stretches.setdefault(inode, []).append((digest, offset, length))
        ends[inode] = start + length
    return stretches


def read_entry_row(row, stretches):
    """(parent, name, node, the columns that all names of an inode share)"""
    parent, name, inode, kind, mode, uid, gid, mtime, mtime_ns, nlink, size, digest, data, xattrs = row
    need(is_blob(name) and is_int(parent, *row[2:11]), "entry table has a row with values of wrong types")
    what = f"entry {show(name)!r} of directory {parent}"
    need(all(value is None or is_blob(value) for value in row[11:]), what, "has values of wrong types")
    need(inode == 1 or 16 <= inode < 1 << 48, what, "has a bad inode number")
    need(FILE <= kind <= SOCKET, what, f"is of unknown type {kind}: a newer Granary is needed")
    need((inode == 1, name == b"") == (parent == 0, parent == 0), what, "is a second root")
    need(len(digest or b"") == (32 if kind in (FILE, DIRECTORY) else 0), what, "has a bad digest")
    node = Node(type=kind, mode=mode, uid=uid, gid=gid, mtime=mtime, mtime_ns=mtime_ns, inode=inode, nlink=nlink, size=size,
                digest=digest, xattrs=read_xattrs(xattrs, what) if xattrs is not None else [])
    if kind == FILE:
        need(data is None or inode not in stretches, what, "has its slices in two places")
        node.slices = read_slices(data, what) if data is not None else stretches.get(inode, [])
        need(all(length >= 1 and (digest is None or offset + length <= MAX_OBJECT) for digest, offset, length in node.slices),
             what, "has a bad slice")
        need(sum(length for _, _, length in node.slices) == size, what, "has slices that do not sum up to its size")
    elif kind == SYMLINK:
        node.target = data or b""
        need(size == len(node.target), what, "has a wrong size")
    elif kind in (CHAR, BLOCK):
        need(len(data or b"") == 8, what, "has a bad device number")
        node.major, node.minor = struct.unpack("<II", data)
    need(data is None or kind not in (DIRECTORY, FIFO, SOCKET), what, "has data")
    need(size == 0 or kind in (FILE, DIRECTORY, SYMLINK), what, "has a size")
    check_node(name, node, what)
    return parent, name, node, row[2:]


def check_tree(rows, stretches, link_rows):
    inodes, children = {}, {}
    for parent, name, node, shared in rows:
        inodes.setdefault(node.inode, []).append((node, shared))
        children.setdefault(parent, {})[name] = node
    need(list(children.get(0, {})) == [b""] and children[0][b""].type == DIRECTORY, "the catalog has no root directory")
    for inode, names in inodes.items():
        node, shared = names[0]
        need(all(other == shared for _, other in names), "names of inode", inode, "differ")
        if node.type == DIRECTORY:
            node.children = children.get(inode, {})
            below = sum(child.type == DIRECTORY for child in node.children.values())
            need(len(names) == 1 and node.nlink == 2 + below, "directory", inode, "has a wrong link count")
            need(node.size == len(node.children), "directory", inode, "has a wrong number of entries")
        else:
            need(node.nlink == len(names), "inode", inode, "has a wrong link count")
    for inode in stretches:
        need(inode in inodes and inodes[inode][0][0].type == FILE, "slices of inode", inode, "belong to no file")
    root = children[0][b""]
    nodes = dict(walk(root))
    need(len(nodes) == len(rows), "the catalog has entries out of reach of its root")
    expected = [(nodes[at].inode, nodes[paths[0]].inode) for at, groups in link_groups(nodes.items()).items() for paths in groups]
    need(sorted(expected) == link_rows, "the table link_group is wrong")
    return root


def check_properties(rows, properties):
    need(all(type(name) is str and is_int(value) for name, value in properties), "the table property has a bad row")
    properties = dict(properties)
    sizes = {node.inode: node.size for _, _, node, _ in rows if node.type == FILE}
    need(properties.get("entries") == len(rows), "the property entries is wrong")
    need(properties.get("bytes") == sum(sizes.values()), "the property bytes is wrong")
    return properties


# ---- 7 Documents

def matching(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def natural(value):
    return type(value) is int and 0 <= value < 1 << 63


def positive(value):
    return natural(value) and value > 0


def is_time(value):
    try:
        return bool(datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")) and len(value) == 20
    except (TypeError, ValueError):
        return False


def is_branch(value):
    return (matching(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,127}")(value)
            and not any(part in ("", ".", "..") for part in value.split("/")))


def is_path(value):
    return value == "/" or matching("(/[^/\\0]+)+")(value) and not {".", ".."} & set(value.split("/"))


def is_object(value):
    return type(value) is dict


def is_text(value):
    return type(value) is str


DIGEST, UUID = matching("[0-9a-f]{64}"), matching("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REPOSITORY_NAME = matching("[a-z0-9.-]{1,255}")
DOCUMENTS = {  # the members that a document of each kind has; "?" marks those that may be absent
    "root": {"repository": UUID, "name": REPOSITORY_NAME, "version": positive, "time": is_time, "keys": is_object,
             "roles": is_object, "minimum_revision?": natural},
    "release": {"repository": UUID, "kind": ("branch", "tag").__contains__, "name": is_branch, "branch": is_branch,
                "snapshot": DIGEST, "tree": DIGEST, "catalog": DIGEST, "time": is_time, "sequence": positive, "base?": is_object},
    "record": {"repository": UUID, "name": REPOSITORY_NAME, "revision": positive, "previous?": DIGEST, "ancestors": is_object,
               "time": is_time, "root_version": positive, "next_inode": lambda value: natural(value) and value >= 16,
               "branches": is_object, "names": DIGEST, "action": is_object},
    "snapshot": {"repository": UUID, "tree": DIGEST, "catalog": DIGEST, "parents": lambda value: type(value) is list
                 and all(map(DIGEST, value)), "time": is_time, "branch": is_branch, "message": is_text, "entries": positive,
                 "bytes": natural},
    "names": {"tags": is_object, "withdrawn": is_object, "retention": is_object, "notes": is_object},
    "timestamp": {"repository": UUID, "revision": positive, "record": DIGEST, "time": is_time, "expires": is_time},
    "head": {"roots": lambda value: type(value) is list, "record": is_object, "timestamp": is_object},
    "trust": {"repository": UUID, "name": REPOSITORY_NAME, "root": is_object, "minimum_revision?": natural},
}


def parse_json(raw, what):
    def members(pairs):
        need(len(dict(pairs)) == len(pairs), what, "has a member twice")
        return dict(pairs)

    def refuse(text):
        raise Refused(f"{what} holds the number {text}")
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=members, parse_float=refuse, parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # no half surrogates
    except (ValueError, RecursionError) as error:
        raise Refused(f"{what} is not JSON: {error}")
    need(type(value) is dict, what, "is not a JSON object")
    return value


def parse_document(raw, kind):
    return check_document(parse_json(raw, kind), kind)


def check_document(document, kind):
    need(document.get("granary") == kind, "expected a document of kind", kind)
    need(document.get("format") == 1, f"{kind} has format {document.get('format')}: a newer Granary is needed")
    known = {"granary", "format", "critical"} | {member.rstrip("?") for member in DOCUMENTS[kind]}
    critical = document.get("critical", [])
    need(type(critical) is list and all(map(is_text, critical)), kind, "has a bad member critical")
    need(known >= set(critical), f"{kind} has critical members that we do not know: a newer Granary is needed")
    for member, check in DOCUMENTS[kind].items():
        name = member.rstrip("?")
        need(check(document[name]) if name in document else member.endswith("?"), kind, "has a bad or no member", name)
    return document


def unbase64(text, what):
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, TypeError, binascii.Error):
        raw = None
    need(raw is not None and base64.b64encode(raw).decode() == text, what, "holds bad base64")
    return raw


def key_id(public):
    return sha256(b"ed25519:" + public).hex()


def signed_by(envelope, kind, keys):
    """(payload, the ids among keys whose signatures are good); keys: id → public key"""
    need(is_object(envelope) and envelope.get("payloadType") == f"application/vnd.granary.{kind}+json", "not an envelope of a", kind)
    payload = unbase64(envelope.get("payload"), kind)
    type_, good = envelope["payloadType"].encode(), set()
    message = b"DSSEv1 %d %s %d %s" % (len(type_), type_, len(payload), payload)
    need(type(envelope.get("signatures")) is list and len(envelope["signatures"]) <= 64 and all(map(is_object, envelope["signatures"])), kind, "has no signatures")
    for signature in envelope["signatures"]:
        keyid = signature.get("keyid")
        if signature.get("algorithm") == "ed25519" and is_text(keyid) and keyid in keys:
            try:
                Ed25519PublicKey.from_public_bytes(keys[keyid]).verify(unbase64(signature.get("sig"), kind), message)
                good.add(keyid)
            except InvalidSignature:
                pass
    return payload, good


class Root:
    def __init__(self, document):
        self.document, self.version = document, document["version"]
        self.keys, self.roles = {}, document["roles"]
        for keyid, key in document["keys"].items():
            if is_object(key) and key.get("algorithm") == "ed25519":
                public = unbase64(key.get("public"), "root")
                need(len(public) == 32 and key_id(public) == keyid, "root has a key with a wrong id")
                self.keys[keyid] = public
        for name in "root", "release", "timestamp":
            role = self.roles.get(name)
            need(is_object(role) and positive(role.get("threshold")) and type(role.get("keys")) is list
                 and all(is_object(key) and key.get("id") in document["keys"] for key in role["keys"])
                 and role["threshold"] <= len(role["keys"]) == len({key["id"] for key in role["keys"]}), "root has a bad role", name)
            for key in role["keys"]:
                need(all(map(is_branch, key.get("branches", []))) and all(map(is_path, key.get("paths", []))), "root has bad limits")

    def public_keys(self, role):
        return {key["id"]: self.keys[key["id"]] for key in self.roles[role]["keys"] if key["id"] in self.keys}

    def check(self, envelope, role, kind):
        payload, good = signed_by(envelope, kind, self.public_keys(role))
        need(len(good) >= self.roles[role]["threshold"], f"{kind} is not signed by enough {role} keys")
        return payload


def first_root(envelope):
    """The root that we start from; it must at least be signed by itself."""
    payload, _ = signed_by(envelope, "root", {})
    root = Root(parse_document(payload, "root"))
    root.check(envelope, "root", "root")
    return root


def next_root(root, envelope):
    payload = root.check(envelope, "root", "root")  # by the old keys, before it is parsed
    after = Root(parse_document(payload, "root"))
    after.check(envelope, "root", "root")  # and by its own
    need(after.version == root.version + 1, "root", after.version, "follows root", root.version)
    need(after.document["repository"] == root.document["repository"], "root", after.version, "belongs to another repository")
    return after


def ancestors_of(revision):
    steps = [1 << k for k in range(1, 63) if revision % (1 << k) == 0]
    return {str(revision - step) for step in steps if revision > step}


class Head:
    """The verified head of a repository."""

    def __init__(self, repository, trust_file=None, archive=False):
        self.repository = repository
        head = parse_document(repository.file("head.json", MAX_HEAD), "head")
        need(head["roots"], "head has no roots")
        if trust_file:
            with open(trust_file, "rb") as file:
                trust = parse_document(file.read(MAX_HEAD), "trust")
        else:
            warn("no --trust: taking the repository's own first root, which proves nothing about who made it")
            trust = {"root": head["roots"][0]}
        root = first_root(trust["root"])
        self.uuid = root.document["repository"]
        need(trust.get("repository", self.uuid) == self.uuid, "trust file contradicts itself about the repository")
        need(len(head["roots"]) >= root.version, "head has only", len(head["roots"]), "roots; the trust file is newer")
        for envelope in head["roots"][root.version:]:
            root = next_root(root, envelope)
        self.root = root

        timestamp = self.document(root.check(head["timestamp"], "timestamp", "timestamp"), "timestamp")
        payload = root.check(head["record"], "release", "record")
        self.record = record = self.document(payload, "record")
        need((timestamp["revision"], timestamp["record"]) == (record["revision"], sha256(payload).hex()),
             "timestamp and record do not belong together")
        need(record["root_version"] == root.version, "record wants root", record["root_version"], "and head ends with", root.version)
        minimum = max(trust.get("minimum_revision", 0), root.document.get("minimum_revision", 0))
        need(record["revision"] >= minimum, "revision", record["revision"], "is below the minimum", minimum)
        need(("previous" in record) == (record["revision"] > 1), "record has a wrong member previous")
        need(set(record["ancestors"]) == ancestors_of(record["revision"]) and all(map(DIGEST, record["ancestors"].values())),
             "record has wrong ancestors")
        need(all(map(is_branch, record["branches"])), "record has a branch with a bad name")
        if timestamp["expires"] <= datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%SZ"):
            need(archive, "timestamp expired at", timestamp["expires"] + "; --archive accepts it")
            warn("timestamp expired at", timestamp["expires"])
        self.names = parse_document(repository.object(bytes.fromhex(record["names"])), "names")

    def document(self, payload, kind):
        document = parse_document(payload, kind)
        need(document["repository"] == self.uuid, kind, "belongs to another repository")
        return document

    def statement(self, envelope, kind, name, depth=1):
        """A release statement: signed by enough keys that may do so (7.3)."""
        need(depth <= 16, "chain of statements is longer than 16")
        payload, good = signed_by(envelope, "release", self.root.public_keys("release"))
        need(good, "release statement is not signed by a release key")
        document = self.document(payload, "release")
        branch, role = document["branch"], self.root.roles["release"]
        need((kind, name) in ((document["kind"], document["name"]), (None, branch)), "statement speaks of another", kind or "branch")
        need(document["kind"] == "tag" or branch == document["name"], "statement for a branch names another branch")
        need(document["sequence"] <= self.record["revision"], "statement is newer than the record")
        signers = [key for key in role["keys"] if key["id"] in good and branch in key.get("branches", [branch])]
        need(len(signers) >= role["threshold"], "statement for", name, "is not signed by enough release keys")
        if not self.enough(signers, b""):
            need("base" in document, "statement by keys limited to paths has no base")
            base = self.statement(document["base"], None, branch, depth + 1)
            need(base["sequence"] < document["sequence"], "statement claims to change a later one")
            before, after = self.tree(base), self.tree(document)
            tops = {top for key in signers for top in limits_of(key) if self.enough(signers, top)}
            check_differences(before, after, tops)
        return document

    def enough(self, signers, path):
        """Whether as many of these keys as the threshold demands may change what is at and below a path."""
        return sum(any(below(path, top) for top in limits_of(key)) for key in signers) >= self.root.roles["release"]["threshold"]

    def snapshot(self, options):
        """The statement-like document (snapshot, tree, catalog) that options name."""
        if options.snapshot:
            need(DIGEST(options.snapshot), "a snapshot id has 64 hexadecimal digits")
            chosen = {"snapshot": options.snapshot}
        elif options.tag:
            need(options.tag in self.names["tags"], "no tag", options.tag)
            chosen = self.statement(self.names["tags"][options.tag], "tag", options.tag)
        else:
            branch = options.branch or "main"
            need(branch in self.record["branches"], "no branch", branch)
            chosen = self.statement(self.record["branches"][branch], "branch", branch)
        snapshot = self.document(self.repository.object(bytes.fromhex(chosen["snapshot"])), "snapshot")
        for member in "tree", "catalog", "branch":
            need(chosen.get(member, snapshot[member]) == snapshot[member], "statement and snapshot name different values of", member)
        if chosen["snapshot"] in self.names["withdrawn"]:
            warn("this snapshot was withdrawn:", self.names["withdrawn"][chosen["snapshot"]].get("reason"))
        return {**snapshot, "snapshot": chosen["snapshot"]}

    def tree(self, chosen):
        root, properties = read_catalog(self.repository, bytes.fromhex(chosen["catalog"]))
        need(max(node.inode for _, node in walk(root)) < self.record["next_inode"], "catalog has inode numbers beyond next_inode")
        need(tree_digest(root).hex() == chosen["tree"], "catalog has another tree digest than was signed")
        for name in "entries", "bytes":
            need(chosen.get(name, properties[name]) == properties[name], "snapshot and catalog differ in", name)
        return root


def check_differences(before, after, allowed):
    """Refuses trees that differ elsewhere than at or below the allowed paths."""
    trees = [{path: node for path, node in walk(root) if not any(below(path, top) for top in allowed)} for root in (before, after)]
    for path in trees[0].keys() | trees[1].keys():
        nodes = [tree.get(path) for tree in trees]
        need(all(nodes), "/" + show(path), "was changed by a key that is limited to other paths")
        inner = {"digest": b"", "mtime": 0, "mtime_ns": 0} if any(below(top, path) for top in allowed) else {}
        encodings = [Node(**{**node.__dict__, **inner}).encode(b"") for node in nodes]
        need(encodings[0] == encodings[1], "/" + show(path), "was changed by a key that is limited to other paths")
    groups = [{frozenset(group) for found in link_groups(walk(root)).values() for group in found} for root in (before, after)]
    for group in groups[0] ^ groups[1]:
        need(all(any(below(path, top) for top in allowed) for path in group), "a hard-link group changed outside the key's paths")


def limits_of(key):
    """The paths that a release key may change, relative to the root."""
    return [path[1:].encode() for path in key.get("paths", ["/"])]


def below(path, top):
    return path == top or not top or path.startswith(top + b"/")


# ---- the commands

def line(path, node, first_names):
    words = [TYPE_NAMES[node.type], f"{node.mode:04o}", f"{node.uid}:{node.gid}", str(node.size),
             f"{node.mtime}.{node.mtime_ns:09d}", "/" + show(path)]
    if node.type == SYMLINK:
        words += ["->", show(node.target)]
    if node.type in (CHAR, BLOCK):
        words += [f"{node.major},{node.minor}"]
    first = first_names.setdefault(node.inode, path)
    if first != path:
        words += ["=", "/" + show(first)]
    return " ".join(words + [f"xattr:{show(name)}={value.hex()}" for name, value in node.xattrs])


def command_list(options):
    root = scan_directory(options.directory, False) if options.directory else opened(options)[1]
    first_names = {}
    for path, node in walk(root):
        print(line(path, node, first_names))


def opened(options):
    head = Head(Repository(options.repo), options.trust, options.archive)
    chosen = head.snapshot(options)
    return head.repository, head.tree(chosen), chosen


def command_digest(options):
    if options.directory:
        return print(tree_digest(scan_directory(options.directory)).hex())
    repository, root, chosen = opened(options)
    for node, path in {node.inode: (node, path) for path, node in walk(root) if node.type == FILE}.values():
        need(content_digest(repository, node, show(path)) == node.digest, "/" + show(path), "has another content digest")
    print(chosen["tree"])


def command_extract(options):
    repository, root, _ = opened(options)
    dest, first_names, missing = os.fsencode(options.dest), {}, []
    os.makedirs(dest, exist_ok=True)
    need(not os.listdir(dest), options.dest, "is not empty")

    def attempt(path, call, *arguments, **keywords):
        try:
            call(*arguments, **keywords)
            return True
        except PermissionError as error:
            missing.append(f"/{show(path)}: {error.strerror}")

    def set_metadata(path, node, at):
        attempt(path, os.lchown, at, node.uid, node.gid) if (os.lstat(at).st_uid, os.lstat(at).st_gid) != (node.uid, node.gid) else None
        for name, value in node.xattrs:
            attempt(path, os.setxattr, at, name, value, follow_symlinks=False)
        if node.type != SYMLINK:
            os.chmod(at, node.mode)
        os.utime(at, ns=(node.mtime * 10**9 + node.mtime_ns,) * 2, follow_symlinks=False)

    nodes = list(walk(root))
    for path, node in nodes:
        at, made = os.path.join(dest, path) if path else dest, True
        first = first_names.setdefault(node.inode, at)
        if first != at:
            made = attempt(path, os.link, first, at, follow_symlinks=False) and False
        elif node.type == FILE:
            with open(at, "xb") as file:
                hash_ = hashlib.sha256()
                for piece, length in content(repository, node, show(path)):
                    file.write(piece) if piece is not None else file.seek(length, os.SEEK_CUR)
                file.truncate(node.size)
            need(content_digest(repository, node, show(path)) == node.digest, "/" + show(path), "has another content digest")
        elif node.type == DIRECTORY:
            os.makedirs(at, 0o700, exist_ok=True)
            made = False  # its metadata comes after its entries
        elif node.type == SYMLINK:
            os.symlink(node.target, at)
        else:
            kind = {kind: bits for bits, kind in STAT_TYPES.items()}[node.type]
            made = attempt(path, os.mknod, at, kind | 0o600, os.makedev(node.major, node.minor))
        if made:
            set_metadata(path, node, at)
    for path, node in reversed(nodes):
        if node.type == DIRECTORY:
            set_metadata(path, node, os.path.join(dest, path) if path else dest)
    for text in missing:
        warn("not restored:", text)
    return 1 if missing else 0


def command_inspect(options):
    if options.digest:
        name = options.digest
        file = Repository(options.file).file(f"objects/{name[:2]}/{name[2:]}", MAX_OBJECT_FILE)
    else:
        with open(options.file, "rb") as source:
            file = source.read(MAX_OBJECT_FILE)
    plain = file
    if file[:4] == b"GRNO":
        codec, size, payload = read_object_header(file, options.file)
        plain = decode_object(file, options.file)
        print(f"object {sha256(plain).hex()} codec {['none', 'zlib', 'zstd'][codec]} plain {size} payload {len(payload)}")
    if plain[:4] == b"GRNC":
        levels, pages, references, inlined = read_catalog_index(plain)
        print(f"catalog index levels {levels} pages {pages} inlined", *(number for number, _ in inlined))
        print(*(digest.hex() for digest in references), sep="\n")
    elif plain[:4] == b"GRNI":
        print("catalog index leaf", *(digest.hex() for digest in read_catalog_leaf(plain)), sep="\n")
    elif plain[:1] == b"{":
        print(json.dumps(opened_envelopes(parse_json(plain, "document")), indent=2, sort_keys=True))
    elif plain[:16] == b"SQLite format 3\0":
        print("first page group of a catalog")
    else:
        print("data, beginning with", show(plain[:64]))


def opened_envelopes(value):
    """Documents in the place of the base64 of their envelopes."""
    if type(value) is list:
        return [opened_envelopes(item) for item in value]
    if not is_object(value):
        return value
    value = {name: opened_envelopes(item) for name, item in value.items()}
    if "payloadType" in value and "payload" in value:
        value["payload"] = opened_envelopes(parse_json(unbase64(value["payload"], "envelope"), "payload"))
    return value


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in "list", "extract", "digest":
        command = commands.add_parser(name, usage=__doc__)
        command.add_argument("repo", nargs="?" if name != "extract" else None)
        if name == "extract":
            command.add_argument("dest")
        for option in ["trust", "branch", "tag", "snapshot"] + ["directory"] * (name != "extract"):
            command.add_argument("--" + option)
        command.add_argument("--archive", action="store_true")
    command = commands.add_parser("inspect", usage=__doc__)
    command.add_argument("file")
    command.add_argument("digest", nargs="?")
    options = parser.parse_args()
    if options.command in ("list", "digest") and bool(options.repo) == bool(options.directory):
        parser.error("give either REPO or --directory DIR")
    try:
        return globals()["command_" + options.command](options)
    except (Refused, OSError) as error:
        warn(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
