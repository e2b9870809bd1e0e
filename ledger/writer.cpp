#include "ledger/writer.h"

#include "claw/tile.h"

#include <utility>

namespace clawsigner::ledger {
namespace {

std::int64_t seconds_of(UnixMillis time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::int64_t row(std::uint64_t index) noexcept {
    return static_cast<std::int64_t>(index);
}

const claw::ArtefactLeaf* artefact_of(const Entry& entry) {
    return entry.items.empty() ? nullptr
                               : std::get_if<claw::ArtefactLeaf>(&entry.items.front().leaf);
}

Result<claw::ArtefactLeaf> artefact_at(View& view, std::uint64_t index) {
    TRY(const auto body, view.leaf(index));
    if (!body) {
        return Error(ErrorCode::not_found, "leaf " + std::to_string(index) + " was pruned");
    }
    TRY(const claw::Leaf leaf, claw::parse_leaf(*body));
    const auto* artefact = std::get_if<claw::ArtefactLeaf>(&leaf.content);
    if (artefact == nullptr) {
        return Error(ErrorCode::ledger_damaged,
                     "the state names leaf " + std::to_string(index) + ", which is no artefact's");
    }
    return *artefact;
}

/// The text that was handed out with a leaf. A text that is not the leaf's does not count.
Result<std::optional<std::string>> kept_answer(View& view, std::uint64_t index) {
    TRY(const auto text, view.answer(index));
    if (!text) {
        return std::optional<std::string>();
    }
    auto leaf = artefact_at(view, index);
    if (!leaf.ok() && leaf.error().code != ErrorCode::not_found) {
        return std::move(leaf).error();
    }
    // Of a leaf that was pruned nobody can say what its answer was.
    const bool is_its = leaf.ok() && crypto::sha256_b64u(*text) == leaf->answer_sha256;
    return is_its ? text : std::nullopt;
}

Outcome refused(ErrorCode code, std::string message, std::string field) {
    Error error(code, std::move(message));
    error.field = std::move(field);
    return error;
}

Result<Outcome> replay(View& view, std::uint64_t first, std::size_t items) {
    Replayed replayed;
    for (std::size_t i = 0; i < items; ++i) {
        TRY(auto text, kept_answer(view, first + i));
        if (!text) {
            return refused(ErrorCode::nonce_reused,
                           "binding.nonce was used by this same request, whose receipt is not kept "
                           "any more",
                           "binding.nonce");
        }
        replayed.answers.push_back(*std::move(text));
    }
    return Outcome(std::move(replayed));
}

/// The nonce's first use was at `first`.
Result<Outcome> second_use(View& view, const claw::ArtefactLeaf& wanted, std::uint64_t first,
                           std::size_t items) {
    auto earlier = artefact_at(view, first);
    if (!earlier.ok() && earlier.error().code != ErrorCode::not_found) {
        return std::move(earlier).error();
    }
    if (!earlier.ok()) {
        return refused(ErrorCode::nonce_reused,
                       "binding.nonce was used in this run so long ago that its leaf was pruned; "
                       "a nonce is for one call",
                       "binding.nonce");
    }
    if (earlier->request_sha256 != wanted.request_sha256) {
        return refused(ErrorCode::nonce_reused,
                       "binding.nonce was used in this run by another request; a nonce is for one "
                       "call",
                       "binding.nonce");
    }
    return replay(view, first, items);
}

/// What names the log is set once. Who was not answered in time, and asks again, is told where it
/// stands; the others of the group have nothing to do with it.
std::optional<Outcome> set_before(const claw::LogState& state, const Entry& entry) {
    const auto* setting =
        entry.items.empty() ? nullptr : std::get_if<claw::SettingLeaf>(&entry.items.front().leaf);
    if (setting == nullptr) {
        return std::nullopt;
    }
    const auto& settings = state.shared_settings();
    const auto row = settings->find(setting->name);
    if (row == settings->end()) {
        return std::nullopt;
    }
    return row->second.value == setting->value
               ? Outcome(Recorded{row->second.leaf})
               : Outcome(Error(ErrorCode::internal,
                               "the log has another " + setting->name + " already"));
}

}  // namespace

Writer::Writer(Database database, claw::TileTree tree, claw::LogState state, Limits limits)
    : limits_(limits),
      database_(std::make_unique<Database>(std::move(database))),
      tree_(std::move(tree)),
      state_(std::move(state)),
      latest_state_leaf_(tree_.size()) {}

Result<Writer> Writer::of(Database database, claw::TileTree tree, claw::LogState state,
                          Limits limits) {
    Writer writer(std::move(database), std::move(tree), std::move(state), limits);
    CHECK_OK(writer.prepare());
    return writer;
}

Status Writer::prepare() {
    const auto make = [this](const char* sql) { return database_->prepare(sql); };
    TRY(view_, View::of(*database_));
    TRY(data_version_now_, make("PRAGMA data_version"));
    TRY(insert_leaf_, make("INSERT INTO leaf(idx, body) VALUES (?, ?)"));
    TRY(insert_tile_, make("INSERT INTO tile(id, hashes) VALUES (?, ?)"));
    TRY(insert_spent_, make("INSERT INTO spent(leaf, id, nonce) VALUES (?, ?, ?)"));
    TRY(put_setting_, make("INSERT OR REPLACE INTO setting(name, value, leaf) VALUES (?, ?, ?)"));
    TRY(drop_setting_, make("DELETE FROM setting WHERE name = ?"));
    TRY(insert_answer_, make("INSERT OR REPLACE INTO answer(leaf, text, until) VALUES (?, ?, ?)"));
    TRY(put_document_, make("INSERT OR REPLACE INTO document(sha256, body) VALUES (?, ?)"));
    TRY(insert_checkpoint_, make("INSERT OR REPLACE INTO checkpoint(size, note) VALUES (?, ?)"));
    TRY(drop_checkpoint_, make("DELETE FROM checkpoint WHERE size >= ? AND size < ?"));
    TRY(drop_answers_, make("DELETE FROM answer WHERE until < ?"));
    TRY(update_progress_, make("UPDATE progress SET spent_sha256 = ?"));
    TRY(update_probe_, make("UPDATE progress SET probe = NOT probe"));
    TRY(const bool row, data_version_now_.reset().next());
    data_version_ = row ? data_version_now_.integer(0) : 0;
    data_version_now_.reset();
    return Status::done();
}

/// SQLite counts the commits of other connections, and nobody else has anything to write here.
Status Writer::check_alone() {
    TRY(const bool row, data_version_now_.reset().next());
    const bool same = row && data_version_now_.integer(0) == data_version_;
    data_version_now_.reset();
    return same ? Status::done()
                : Status(Error(ErrorCode::ledger_damaged,
                               "another program has written to the ledger's database"));
}

Result<std::optional<Outcome>> Writer::foresee(View& view, const claw::ArtefactLeaf& leaf,
                                               std::size_t items) {
    TRY(const claw::StateRows rows, claw::rows_of(0, {UnixMillis(), leaf}));
    if (!rows.spent) {
        return std::optional<Outcome>();
    }
    if (rows.spent->nonce) {
        TRY(const auto first, view.leaf_of_nonce(*rows.spent->nonce));
        if (first) {
            TRY(auto outcome, second_use(view, leaf, *first, items));
            return std::optional<Outcome>(std::move(outcome));
        }
    }
    TRY(const auto first, view.leaf_of_id(rows.spent->id));
    if (first) {
        return std::optional<Outcome>(
            refused(ErrorCode::id_reused, "receipt_id was given to another receipt", "receipt_id"));
    }
    return std::optional<Outcome>();
}

Status Writer::put_rows(Next& next, const claw::StateRows& rows) {
    if (rows.spent) {
        insert_spent_.reset().bind(1, row(rows.spent->leaf)).bind(2, ByteView(rows.spent->id));
        if (rows.spent->nonce) {
            insert_spent_.bind(3, ByteView(*rows.spent->nonce));
        }
        CHECK_OK(insert_spent_.run());
    }
    if (rows.setting) {
        CHECK_OK(put_setting(*rows.setting));
    }
    for (const claw::RowChange& change : rows.changes) {
        CHECK_OK(change.row ? put_setting(*change.row)
                            : drop_setting_.reset().bind(1, std::string_view(change.name)).run());
    }
    return next.state.add(rows);
}

Status Writer::put_setting(const claw::SettingRow& setting) {
    return put_setting_.reset()
        .bind(1, std::string_view(setting.name))
        .bind(2, std::string_view(setting.value))
        .bind(3, row(setting.leaf))
        .run();
}

/// One that is there already is written again: it may have been changed meanwhile.
Status Writer::put_document(const std::string& text) {
    const crypto::Sha256 digest = crypto::sha256(text);
    return put_document_.reset().bind(1, ByteView(digest)).bind(2, base::as_bytes(text)).run();
}

Status Writer::put_leaf(Next& next, const claw::Leaf& leaf) {
    const std::uint64_t index = next.tree.size();
    const std::string body = claw::leaf_text(leaf);
    if (body.size() > claw::kMaxLeafBytes) {
        return Error(ErrorCode::internal, "a leaf is too long");
    }
    CHECK_OK(insert_leaf_.reset().bind(1, row(index)).bind(2, base::as_bytes(body)).run());
    for (const claw::FullTile& tile : next.tree.append(claw::leaf_hash(base::as_bytes(body)))) {
        const std::string hashes = claw::encode_tile(tile.hashes);
        CHECK_OK(insert_tile_.reset()
                     .bind(1, tile_row(tile.level, tile.index))
                     .bind(2, base::as_bytes(hashes))
                     .run());
    }
    TRY(const claw::StateRows rows, claw::rows_of(index, leaf));
    return put_rows(next, rows);
}

Status Writer::put_item(Next& next, const Item& item, UnixMillis now) {
    const std::uint64_t index = next.tree.size();
    CHECK_OK(put_leaf(next, {now, item.leaf}));
    if (!item.answer) {
        return Status::done();
    }
    return insert_answer_.reset()
        .bind(1, row(index))
        .bind(2, std::string_view(*item.answer))
        .bind(3, seconds_of(now) + limits_.keep_answers.count())
        .run();
}

Result<Outcome> Writer::put_entry(Next& next, const Entry& entry, UnixMillis now) {
    if (const auto* artefact = artefact_of(entry)) {
        TRY(auto foreseen, foresee(view_, *artefact, entry.items.size()));
        if (foreseen) {
            return *std::move(foreseen);
        }
        // A key that was switched off while this was on its way does not sign any more.
        const Status admitted = next.state.admits({artefact->family, artefact->kid});
        if (!admitted.ok()) {
            return Outcome(admitted.error());
        }
    }
    if (const auto set = set_before(next.state, entry)) {
        return *set;
    }
    const std::uint64_t first = next.tree.size();
    for (const Item& item : entry.items) {
        CHECK_OK(put_item(next, item, now));
    }
    for (const std::string& text : entry.documents) {
        CHECK_OK(put_document(text));
    }
    return Outcome(Recorded{first});
}

Status Writer::put_state_leaf_when_due(Next& next, UnixMillis now) {
    if (next.tree.size() - next.latest_state_leaf < limits_.state_every) {
        return Status::done();
    }
    next.latest_state_leaf = next.tree.size();
    return put_leaf(next, {now, next.state.digests()});
}

Result<std::vector<Outcome>> Writer::commit(std::span<const Entry* const> entries, UnixMillis now) {
    Next next{tree_, state_, latest_state_leaf_};
    std::vector<Outcome> outcomes;
    TRY(Transaction transaction, Transaction::begin(*database_));
    CHECK_OK(check_alone());
    for (const Entry* entry : entries) {
        TRY(auto outcome, put_entry(next, *entry, now));
        outcomes.push_back(std::move(outcome));
    }
    CHECK_OK(put_state_leaf_when_due(next, now));
    CHECK_OK(finish(std::move(transaction), std::move(next)));
    return outcomes;
}

Status Writer::close(UnixMillis now) {
    Next next{tree_, state_, latest_state_leaf_};
    TRY(Transaction transaction, Transaction::begin(*database_));
    CHECK_OK(check_alone());
    CHECK_OK(put_leaf(next, {now, claw::StopLeaf()}));
    CHECK_OK(put_leaf(next, {now, next.state.digests()}));
    return finish(std::move(transaction), std::move(next));
}

Status Writer::finish(Transaction transaction, Next next) {
    CHECK_OK(update_progress_.reset().bind(1, ByteView(next.state.spent_digest())).run());
    CHECK_OK(transaction.commit());
    tree_ = std::move(next.tree);
    state_ = std::move(next.state);
    latest_state_leaf_ = next.latest_state_leaf;
    return Status::done();
}

/// Of the checkpoints within one tile only the last is kept: one a second would fill the disk, and
/// any tree between them can be made again from tiles.
Status Writer::put_checkpoint(std::uint64_t size, std::string_view note) {
    const std::uint64_t tile_begins = size - size % claw::kTileWidth;
    TRY(Transaction transaction, Transaction::begin(*database_));
    CHECK_OK(check_alone());
    CHECK_OK(drop_checkpoint_.reset().bind(1, row(tile_begins)).bind(2, row(size)).run());
    CHECK_OK(insert_checkpoint_.reset().bind(1, row(size)).bind(2, note).run());
    return transaction.commit();
}

Status Writer::probe() {
    TRY(Transaction transaction, Transaction::begin(*database_));
    CHECK_OK(check_alone());
    CHECK_OK(update_probe_.reset().run());
    return transaction.commit();
}

Status Writer::drop_answers(UnixMillis now) {
    return drop_answers_.reset().bind(1, seconds_of(now)).run();
}

Result<PruneStep> Writer::prune(std::uint64_t first, std::uint64_t until, UnixMillis now) {
    TRY(Transaction transaction, Transaction::begin(*database_));
    CHECK_OK(check_alone());
    TRY(const PruneStep step, drop_bodies(*database_, first, until, now));
    CHECK_OK(transaction.commit());
    return step;
}

}  // namespace clawsigner::ledger
