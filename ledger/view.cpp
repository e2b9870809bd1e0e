#include "ledger/view.h"

#include "claw/tile.h"

#include <algorithm>
#include <utility>

namespace clawsigner::ledger {
namespace {

constexpr unsigned kLevelShift = 56;

Result<crypto::Sha256> hash_of(ByteView bytes) {
    crypto::Sha256 hash{};
    if (bytes.size() != hash.size()) {
        return Error(ErrorCode::ledger_damaged, "a digest in the ledger has not 32 bytes");
    }
    std::ranges::copy(bytes, hash.begin());
    return hash;
}

Result<std::map<std::string, claw::SettingRow>> settings_of(Database& database) {
    std::map<std::string, claw::SettingRow> settings;
    TRY(Statement rows, database.prepare("SELECT name, value, leaf FROM setting"));
    while (true) {
        TRY(const bool row, rows.next());
        if (!row) {
            return settings;
        }
        const std::string name = rows.text(0);
        settings[name] = {static_cast<std::uint64_t>(rows.integer(2)), name, rows.text(1)};
    }
}

}  // namespace

std::int64_t tile_row(unsigned level, std::uint64_t index) noexcept {
    return static_cast<std::int64_t>((std::uint64_t{level} << kLevelShift) | index);
}

Result<View> View::of(Database& database) {
    View view;
    view.database_ = &database;
    TRY(view.size_, database.prepare("SELECT max(idx) FROM leaf"));
    TRY(view.leaf_, database.prepare("SELECT body FROM leaf WHERE idx = ?"));
    TRY(view.tile_, database.prepare("SELECT hashes FROM tile WHERE id = ?"));
    TRY(view.id_, database.prepare("SELECT leaf FROM spent WHERE id = ?"));
    TRY(view.body_, database.prepare("SELECT spent.leaf, leaf.body FROM spent LEFT JOIN leaf "
                                     "ON leaf.idx = spent.leaf WHERE spent.id = ?"));
    TRY(view.nonce_, database.prepare("SELECT leaf FROM spent WHERE nonce = ?"));
    TRY(view.answer_, database.prepare("SELECT text FROM answer WHERE leaf = ?"));
    TRY(view.document_, database.prepare("SELECT body FROM document WHERE sha256 = ?"));
    return view;
}

Result<std::uint64_t> View::size() {
    TRY(const bool row, size_.reset().next());
    const bool empty = !row || size_.is_null(0);
    const std::uint64_t size = empty ? 0 : static_cast<std::uint64_t>(size_.integer(0)) + 1;
    size_.reset();
    return size;
}

Result<std::uint64_t> View::tiles() {
    TRY(const std::int64_t count, database_->integer_of("SELECT count(*) FROM tile"));
    return static_cast<std::uint64_t>(count);
}

Result<std::optional<std::string>> View::leaf(std::uint64_t index) {
    TRY(const bool row, leaf_.reset().bind(1, static_cast<std::int64_t>(index)).next());
    std::optional<std::string> body;
    if (row) {
        body = leaf_.text(0);
    }
    leaf_.reset();
    return body;
}

Result<std::vector<claw::TreeHash>> View::full_tile(unsigned level, std::uint64_t index) {
    TRY(const bool row, tile_.reset().bind(1, tile_row(level, index)).next());
    auto hashes = row ? claw::decode_tile(tile_.bytes(0), claw::kTileWidth)
                      : Result<std::vector<claw::TreeHash>>(Error());
    tile_.reset();
    if (!hashes.ok()) {
        return Error(ErrorCode::ledger_damaged,
                     "tile " + claw::tile_path({level, index, claw::kTileWidth}) + " is " +
                         (row ? "no tile" : "missing"));
    }
    return hashes;
}

Result<std::optional<std::uint64_t>> View::find(Statement& statement, const claw::SpentName& name) {
    TRY(const bool row, statement.reset().bind(1, ByteView(name)).next());
    std::optional<std::uint64_t> leaf;
    if (row) {
        leaf = static_cast<std::uint64_t>(statement.integer(0));
    }
    statement.reset();
    return leaf;
}

Result<std::optional<std::uint64_t>> View::leaf_of_id(const claw::SpentName& id) {
    return find(id_, id);
}

Result<std::optional<View::FoundLeaf>> View::body_of_id(const claw::SpentName& id) {
    TRY(const bool row, body_.reset().bind(1, ByteView(id)).next());
    std::optional<FoundLeaf> leaf;
    if (row) {
        leaf = {static_cast<std::uint64_t>(body_.integer(0)), std::nullopt};
        if (!body_.is_null(1)) {
            leaf->body = body_.text(1);
        }
    }
    body_.reset();
    return leaf;
}

Result<std::optional<std::uint64_t>> View::leaf_of_nonce(const claw::SpentName& nonce) {
    return find(nonce_, nonce);
}

Result<std::optional<std::string>> View::answer(std::uint64_t leaf) {
    TRY(const bool row, answer_.reset().bind(1, static_cast<std::int64_t>(leaf)).next());
    std::optional<std::string> text;
    if (row) {
        text = answer_.text(0);
    }
    answer_.reset();
    return text;
}

Result<std::optional<std::string>> View::document(const crypto::Sha256& digest) {
    TRY(const bool row, document_.reset().bind(1, ByteView(digest)).next());
    std::optional<std::string> body;
    if (row) {
        body = document_.text(0);
    }
    document_.reset();
    return body;
}

Result<claw::LogState> View::state() {
    TRY(auto settings, settings_of(*database_));
    TRY(Statement progress, database_->prepare("SELECT spent_sha256 FROM progress"));
    TRY(const bool row, progress.next());
    if (!row) {
        return Error(ErrorCode::ledger_damaged, "the ledger's table progress is empty");
    }
    TRY(const crypto::Sha256 spent, hash_of(progress.bytes(0)));
    return claw::LogState(std::move(settings), spent);
}

Result<std::optional<std::string>> View::latest_checkpoint() {
    TRY(Statement latest,
        database_->prepare("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1"));
    TRY(const bool row, latest.next());
    return row ? std::optional<std::string>(latest.text(0)) : std::nullopt;
}

}  // namespace clawsigner::ledger
