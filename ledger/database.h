#pragma once

#include "base/encoding.h"
#include "base/result.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace clawsigner::ledger {

/// SQLite's result code, and what SQLite says of it, as one of ours: ledger_damaged for a file that
/// is no database or whose pages contradict each other, else ledger_blocked. `call` has static
/// storage.
Error sqlite_error(sqlite3* database, std::string_view call, int code);

struct CloseDatabase {
    void operator()(sqlite3* database) const noexcept;
};
struct EndStatement {
    void operator()(sqlite3_stmt* statement) const noexcept;
};

/// A prepared statement. Parameters count from 1, columns from 0. One thread at a time.
class Statement {
public:
    Statement() = default;

    /// Back to the start, with nothing bound. Returns itself, so that binding reads as a chain.
    Statement& reset();
    Statement& bind(int parameter, std::int64_t value);
    /// The bytes must stay until the next reset.
    Statement& bind(int parameter, ByteView bytes);
    Statement& bind(int parameter, std::string_view text);

    /// The next row; false when there is none. Error: as sqlite_error.
    Result<bool> next();
    /// For a statement without rows.
    Status run();

    std::int64_t integer(int column) const;
    /// Valid until the next call of next() or reset().
    ByteView bytes(int column) const;
    std::string text(int column) const;
    bool is_null(int column) const;

private:
    friend class Database;
    explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

    std::unique_ptr<sqlite3_stmt, EndStatement> statement_;
};

/// A connection to the ledger's file. One thread at a time. Statements end before their database.
class Database {
public:
    enum class Mode : std::uint8_t { create, write, read };

    /// Errors: as sqlite_error.
    static Result<Database> open(const std::filesystem::path& file, Mode mode);

    /// One or more statements without parameters or rows.
    Status execute(const char* sql);
    Result<Statement> prepare(std::string_view sql);

    /// The first column of the only row, for pragmas and counts.
    Result<std::int64_t> integer_of(std::string_view sql);

private:
    explicit Database(sqlite3* database) : database_(database) {}

    std::unique_ptr<sqlite3, CloseDatabase> database_;
};

/// Rolled back unless it was committed.
class Transaction {
public:
    static Result<Transaction> begin(Database& database);
    Transaction(Transaction&& other) noexcept
        : database_(std::exchange(other.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();

    /// On disk when it returns well.
    Status commit();

private:
    explicit Transaction(Database& database) : database_(&database) {}

    Database* database_;
};

}  // namespace clawsigner::ledger
