#include "service/checkpointer.h"

#include "claw/checkpoint.h"

#include <utility>

namespace clawsigner::service {
namespace {

using crypto::Family;

constexpr auto kPoll = std::chrono::milliseconds(100);  // while nothing could be signed

}  // namespace

Checkpointer::Checkpointer(ledger::Log& log, const hsm::Keyring& keyring, Options options)
    : log_(log), keyring_(keyring), options_(std::move(options)) {
    thread_ = std::thread([this] { run(); });
}

Checkpointer::~Checkpointer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

std::optional<Error> Checkpointer::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

void Checkpointer::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        const Status outcome = sign_when_due();
        lock.lock();
        failure_ = outcome.ok() ? std::nullopt : std::optional(outcome.error());
        wake_.wait_for(lock, outcome.ok() ? options_.every : kPoll, [this] { return stopping_; });
    }
}

Status Checkpointer::sign_when_due() {
    const ledger::Head head = log_.head();
    if (signed_size_ == head->size()) {
        return Status::done();
    }
    CHECK_OK(log_.ready());
    return sign();
}

Status Checkpointer::set_down(const std::string& name, const std::string& value) {
    if (log_.setting(name)) {
        return Status::done();
    }
    TRY(const auto outcomes,
        ledger::record(log_, {{{{claw::SettingLeaf{name, value}, std::nullopt}}}},
                       base::deadline_in(options_.deadline)));
    return outcomes.front().status();
}

Status Checkpointer::sign() {
    TRY(const auto signers, keyring_.signers<Family::checkpoint>());
    const std::string origin = log_.setting("origin").value_or(options_.origin);
    TRY(const auto first, claw::NoteKey::of(origin, signers.front().identity().key));
    CHECK_OK(set_down("origin", origin));
    CHECK_OK(set_down("log_key", first.text()));
    const ledger::Head head = log_.head();  // with the leaves that this has made
    TRY(const auto body, claw::CheckpointBody::of({origin, head->size(), head->root()}));
    const Deadline deadline = base::deadline_in(options_.deadline);
    std::vector<std::pair<claw::NoteKey, crypto::Signature>> signatures;
    for (const auto& signer : signers) {
        TRY(auto key, claw::NoteKey::of(origin, signer.identity().key));
        TRY(const auto signature, signer.sign(body.input(), deadline));
        signatures.emplace_back(std::move(key), signature);
    }
    CHECK_OK(log_.publish({body.note(signatures), head}, deadline));
    signed_size_ = head->size();
    return Status::done();
}

Status Checkpointer::close(Deadline deadline) {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
    TRY(const auto last, log_.close(deadline));
    (void)last;
    return sign();
}

}  // namespace clawsigner::service
