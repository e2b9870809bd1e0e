#include "ledger/log.h"

#include <future>
#include <utility>

namespace clawsigner::ledger {

std::string_view health_name(Health health) noexcept {
    switch (health) {
        case Health::good:
            return "good";
        case Health::blocked:
            return "blocked";
        case Health::damaged:
            return "damaged";
    }
    return "";
}

std::optional<std::string> Log::setting(const std::string& name) const {
    const auto rows = settings();
    const auto found = rows->find(name);
    return found == rows->end() ? std::nullopt : std::optional(found->second.value);
}

Submission::Submission(std::vector<Entry> entries, std::function<void()> done)
    : entries_(std::move(entries)), done_(std::move(done)) {}

void Submission::answer(std::vector<Outcome> outcomes) {
    outcomes_ = std::move(outcomes);
    done_();
}

Result<std::vector<Outcome>> record(Log& log, std::vector<Entry> entries, Deadline deadline) {
    auto done = std::make_shared<std::promise<void>>();
    auto finished = done->get_future();
    const auto submission =
        std::make_shared<Submission>(std::move(entries), [done] { done->set_value(); });
    log.submit(submission);
    if (finished.wait_until(deadline) != std::future_status::ready) {
        submission->abandon();
        return Error(ErrorCode::ledger_blocked, "the ledger's disk did not answer in time");
    }
    return submission->outcomes();
}

}  // namespace clawsigner::ledger
