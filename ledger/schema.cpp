#include "ledger/schema.h"

#include <array>
#include <string>
#include <sys/stat.h>

namespace clawsigner::ledger {
namespace {

constexpr std::int64_t kApplicationId = 0x434c4157;  // "CLAW"

// From version 0, an empty file, to the newest; a later version adds a step and changes none.
//
// leaf         what the log says, from 0 without a gap; pruned bodies are gone from the front
// tile         the log's full tiles, at (level << 56) | index
// checkpoint   signed notes
// spent        state: what each artefact's leaf has spent for good
// setting      state: what is set, by name
// progress     the running digest of `spent`, so that a start need not make it again
// answer       no state: what was handed out, for whoever asks again with the same nonce
// document     texts that rows of the state name by their SHA-256 and that are too long for a leaf
constexpr std::array kSteps{
    R"(CREATE TABLE leaf(idx INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
       CREATE TABLE tile(id INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;
       CREATE TABLE checkpoint(size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
       CREATE TABLE spent(leaf INTEGER PRIMARY KEY, id BLOB NOT NULL, nonce BLOB) STRICT;
       CREATE UNIQUE INDEX spent_id ON spent(id);
       CREATE UNIQUE INDEX spent_nonce ON spent(nonce) WHERE nonce IS NOT NULL;
       CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL, leaf INTEGER NOT NULL) STRICT, WITHOUT ROWID;
       CREATE TABLE progress(one INTEGER PRIMARY KEY CHECK (one = 1), spent_sha256 BLOB NOT NULL, probe INTEGER NOT NULL) STRICT;
       CREATE TABLE answer(leaf INTEGER PRIMARY KEY, text TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
       CREATE INDEX answer_until ON answer(until);
       INSERT INTO progress VALUES (1, zeroblob(32), 0);
       PRAGMA application_id = 1129070935;)",
    R"(CREATE TABLE document(sha256 BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT;)",
};
static_assert(kSteps.size() == kSchemaVersion);
static_assert(kApplicationId == 1'129'070'935);

Error foreign(std::string reason) {
    return {ErrorCode::ledger_damaged, "the ledger's file " + std::move(reason)};
}

Status check_identity(Database& database, std::int64_t version, Tables tables_are) {
    TRY(const std::int64_t application, database.integer_of("PRAGMA application_id"));
    TRY(const std::int64_t tables, database.integer_of("SELECT count(*) FROM sqlite_schema"));
    const bool is_new = version == 0 && application == 0 && tables == 0;
    if (is_new && tables_are == Tables::wanted) {
        return foreign(
            "is empty, and a log was begun here: restore it with its -wal file, or begin a new log "
            "with another ledger.origin after removing it and ledger.lock");
    }
    if (is_new) {
        return Status::done();
    }
    if (application != kApplicationId) {
        return foreign("is another program's database");
    }
    if (version > kSchemaVersion) {
        return foreign("has version " + std::to_string(version) +
                       " of its tables; this program knows " + std::to_string(kSchemaVersion) +
                       " and does not touch it: install the newer clawsigner again");
    }
    return Status::done();
}

/// A whole copy of the old version, beside it.
Status back_up(Database& database, const std::filesystem::path& file, std::int64_t version) {
    if (version == 0) {
        return Status::done();
    }
    const std::string copy = file.string() + ".v" + std::to_string(version);
    TRY(Statement vacuum, database.prepare("VACUUM INTO ?"));
    return vacuum.reset().bind(1, std::string_view(copy)).run();
}

Status migrate(Database& database, std::int64_t version) {
    for (auto step = static_cast<std::size_t>(version); step < kSteps.size(); ++step) {
        TRY(Transaction transaction, Transaction::begin(database));
        CHECK_OK(database.execute(kSteps.at(step)));
        const std::string mark = "PRAGMA user_version = " + std::to_string(step + 1);
        CHECK_OK(database.execute(mark.c_str()));
        CHECK_OK(transaction.commit());
    }
    return Status::done();
}

}  // namespace

Result<Database> open_database(const std::filesystem::path& file, Tables tables) {
    const mode_t before = ::umask(S_IRWXG | S_IRWXO);
    auto opened = Database::open(file, Database::Mode::create);
    ::umask(before);
    TRY(Database database, std::move(opened));
    TRY(const std::int64_t version, database.integer_of("PRAGMA user_version"));
    CHECK_OK(check_identity(database, version, tables));
    CHECK_OK(
        database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                         "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY"));
    if (version < kSchemaVersion) {
        CHECK_OK(back_up(database, file, version));
        CHECK_OK(migrate(database, version));
    }
    return database;
}

Result<Database> open_reader(const std::filesystem::path& file) {
    TRY(Database database, Database::open(file, Database::Mode::read));
    TRY(const std::int64_t version, database.integer_of("PRAGMA user_version"));
    CHECK_OK(check_identity(database, version, Tables::made_if_new));
    return version == kSchemaVersion ? Result<Database>(std::move(database))
                                     : foreign("is not of this program's version");
}

}  // namespace clawsigner::ledger
