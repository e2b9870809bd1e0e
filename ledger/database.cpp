#include "ledger/database.h"

#include <sqlite3.h>

namespace clawsigner::ledger {
namespace {

constexpr int kBusyPatience = 1000;  // ms; only a reader that recovers a WAL makes us wait

bool is_damage(int code) noexcept {
    const int primary = code & 0xff;
    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_SCHEMA ||
           primary == SQLITE_MISMATCH || primary == SQLITE_ERROR || primary == SQLITE_CONSTRAINT;
}

int open_flags(Database::Mode mode) noexcept {
    constexpr int kCommon = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    switch (mode) {
        case Database::Mode::create:
            return kCommon | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        case Database::Mode::write:
            return kCommon | SQLITE_OPEN_READWRITE;
        case Database::Mode::read:
            return kCommon | SQLITE_OPEN_READONLY;
    }
    return kCommon;
}

}  // namespace

Error sqlite_error(sqlite3* database, std::string_view call, int code) {
    Error error(is_damage(code) ? ErrorCode::ledger_damaged : ErrorCode::ledger_blocked,
                "the ledger's database: ");
    error.message.append(database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database));
    error.call = call;
    error.native = static_cast<std::uint64_t>(code);
    return error;
}

void CloseDatabase::operator()(sqlite3* database) const noexcept {
    sqlite3_close_v2(database);
}

void EndStatement::operator()(sqlite3_stmt* statement) const noexcept {
    sqlite3_finalize(statement);
}

Statement& Statement::reset() {
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
    return *this;
}

Statement& Statement::bind(int parameter, std::int64_t value) {
    sqlite3_bind_int64(statement_.get(), parameter, value);
    return *this;
}

Statement& Statement::bind(int parameter, ByteView bytes) {
    sqlite3_bind_blob64(statement_.get(), parameter, bytes.data(), bytes.size(), SQLITE_STATIC);
    return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
    sqlite3_bind_text64(statement_.get(), parameter, text.data(), text.size(), SQLITE_STATIC,
                        SQLITE_UTF8);
    return *this;
}

Result<bool> Statement::next() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        return code == SQLITE_ROW;
    }
    return sqlite_error(sqlite3_db_handle(statement_.get()), "sqlite3_step", code);
}

Status Statement::run() {
    TRY(const bool row, next());
    sqlite3_reset(statement_.get());
    return row ? Status(Error(ErrorCode::internal, "a statement gave a row that nobody reads"))
               : Status::done();
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

ByteView Statement::bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)};
}

std::string Statement::text(int column) const {
    const ByteView view = bytes(column);
    return {reinterpret_cast<const char*>(view.data()), view.size()};
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<Database> Database::open(const std::filesystem::path& file, Mode mode) {
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(file.c_str(), &raw, open_flags(mode), nullptr);
    Database database(raw);
    if (code != SQLITE_OK) {
        return sqlite_error(raw, "sqlite3_open_v2", code);
    }
    sqlite3_db_config(raw, SQLITE_DBCONFIG_LOOKASIDE, nullptr, 0, 0);  // our allocator does better
    sqlite3_busy_timeout(raw, kBusyPatience);
    // What a stranger put into the file must not run here (sqlite.org/security.html).
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    return database;
}

Status Database::execute(const char* sql) {
    const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? Status::done()
                             : Status(sqlite_error(database_.get(), "sqlite3_exec", code));
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    Statement statement(raw);
    if (code != SQLITE_OK) {
        return sqlite_error(database_.get(), "sqlite3_prepare_v3", code);
    }
    return statement;
}

Result<std::int64_t> Database::integer_of(std::string_view sql) {
    TRY(Statement statement, prepare(sql));
    TRY(const bool row, statement.next());
    if (!row) {
        return Error(ErrorCode::ledger_damaged, "the ledger's database answers nothing");
    }
    return statement.integer(0);
}

Result<Transaction> Transaction::begin(Database& database) {
    CHECK_OK(database.execute("BEGIN IMMEDIATE"));
    return Transaction(database);
}

Transaction::~Transaction() {
    if (database_ != nullptr) {
        // SQLite has rolled back by itself after some errors; then there is nothing to do.
        (void)database_->execute("ROLLBACK");
    }
}

Status Transaction::commit() {
    CHECK_OK(database_->execute("COMMIT"));
    database_ = nullptr;
    return Status::done();
}

}  // namespace clawsigner::ledger
