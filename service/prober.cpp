#include "service/prober.h"

namespace clawsigner::service {

Prober::Prober(const hsm::Keyring& keyring, std::vector<crypto::Family> families,
               const Clock& clock, Options options)
    : keyring_(keyring), families_(std::move(families)), clock_(clock), options_(options) {
    thread_ = std::thread([this] { run(); });
}

Prober::~Prober() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void Prober::wake() {
    {
        const std::lock_guard lock(mutex_);
        woken_ = true;
    }
    wake_.notify_all();
}

ProbeRecord Prober::record(crypto::Family family) const {
    const std::lock_guard lock(mutex_);
    const auto found = records_.find(family);
    return found == records_.end() ? ProbeRecord() : found->second;
}

void Prober::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        woken_ = false;
        lock.unlock();
        const bool good = probe_all();
        lock.lock();
        wake_.wait_for(lock, good ? options_.every : options_.every_while_failing,
                       [this] { return woken_ || stopping_; });
    }
}

bool Prober::probe_all() {
    bool good = true;
    for (const crypto::Family family : families_) {
        const auto key = keyring_.active(family);
        const Status outcome =
            key.ok() ? (*key)->probe(base::deadline_in(options_.deadline)) : Status(key.error());
        good = outcome.ok() && good;
        note(family, outcome);
    }
    return good;
}

void Prober::note(crypto::Family family, const Status& outcome) {
    const std::lock_guard lock(mutex_);
    ProbeRecord& record = records_[family];
    if (outcome.ok()) {
        record = {std::chrono::steady_clock::now(), clock_.now(), std::nullopt};
    } else {
        record.failure = outcome.error();
    }
}

}  // namespace clawsigner::service
