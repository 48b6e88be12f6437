"""Objects, slices, tree digests and catalogs: sections 1 to 6 of docs/format.md, for granary_reader.py.

Whatever breaks a rule raises Refused, with one line that says what. Needs python3-zstandard.
"""
import hashlib
import os
import re
import sqlite3
import stat
import struct
import sys
import tempfile
import urllib.error
import urllib.request
import zlib

import zstandard

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
    need(xattrs and len(raw) <= 8 << 20, what, "has an empty or too long list of xattrs")
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
