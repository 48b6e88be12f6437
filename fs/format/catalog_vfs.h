// The SQLite VFS "granary": a database file is a PageSource. It offers one file per connection and nothing else: no
// journal, no WAL, no temporary files, no locks, no mmap. A failure of the source is kept, word for word, for
// whoever owns the connection.
#pragma once

#include <sqlite3.h>

#include <optional>

#include "fs/format/page_source.h"

namespace granary {

// Opens a connection to `pages`, read-only unless they are writable; an empty writable source becomes a new database.
// When SQLite reports an I/O error, `trouble` holds the true one. Both outlive the connection. One thread.
Result<sqlite3*> open_connection(PageSource& pages, std::optional<Error>& trouble);

}  // namespace granary
