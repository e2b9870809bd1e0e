#include "cli/prune_command.h"

#include "attest/log_audit.h"
#include "attest/pruned.h"
#include "base/clock.h"
#include "claw/json_writer.h"
#include "cli/approval_commands.h"
#include "cli/confirm.h"
#include "cli/conversation.h"
#include "cli/log_verdict.h"
#include "cli/output.h"
#include "cli/progress.h"

#include <cstdio>
#include <utility>

namespace clawsigner::cli {
namespace {

/// "2026-01-31", which is its first moment, or "2026-01-31T12:00:00.000Z".
Result<UnixMillis> parse_before(const std::string& text) {
    constexpr std::size_t kDay = 10;
    const auto time = base::parse_utc(text.size() == kDay ? text + "T00:00:00.000Z" : text);
    return time.ok() ? time
                     : Error(ErrorCode::config_invalid,
                             "--before must be a day like 2026-01-31, or a time like "
                             "2026-01-31T12:00:00.000Z");
}

/// What is asked for, and the export's tree that says what is meant.
struct Wanted {
    UnixMillis before;
    attest::PrunePlan plan;
    claw::Checkpoint checkpoint;
};

Result<Wanted> wanted(const Connection& to, const PruneTerms& terms) {
    Wanted wanted;
    TRY(wanted.before, parse_before(terms.before));
    attest::AuditTerms audit_terms;
    TRY(audit_terms.key, log_key_of(terms.log_key));
    attest::LogDirectory files(terms.directory);
    ProgressBar bar(!to.json);
    TRY(const attest::Audit audit,
        attest::audit_directory(files, audit_terms,
                                [&](std::uint64_t done, std::uint64_t of) { bar.show(done, of); }));
    if (!audit.good() || !audit.head) {
        return Error(ErrorCode::proof_invalid,
                     "the export does not hold, and nothing was asked for: " +
                         (audit.findings.empty() ? "" : audit.findings.front().what));
    }
    wanted.checkpoint = audit.head->checkpoint;
    TRY(wanted.plan, attest::plan_pruning(files, wanted.checkpoint, wanted.before));
    return wanted;
}

std::string question(const PruneTerms& terms, const Wanted& wanted) {
    return "Ask for the bodies of leaves 0 to " + std::to_string(wanted.plan.until - 1) +
           " to go? " + printable(terms.directory.string()) +
           " will be the only place that this command knows to hold them.";
}

std::string body_of(const PruneTerms& terms, const Wanted& wanted) {
    claw::JsonWriter body;
    body.time("before", wanted.before)
        .text("root", base::base64_encode(wanted.checkpoint.root))
        .integer("size", static_cast<std::int64_t>(wanted.checkpoint.size))
        .integer("state", static_cast<std::int64_t>(wanted.plan.state))
        .integer("until", static_cast<std::int64_t>(wanted.plan.until));
    if (!terms.why.empty()) {
        body.text("why", terms.why);
    }
    return body.done();
}

}  // namespace

int log_prune(const Connection& to, const PruneTerms& terms) {
    const auto asked = wanted(to, terms);
    if (!asked.ok()) {
        return report(asked.error(), to.json);
    }
    if (!is_meant(terms.yes, question(terms, *asked))) {
        std::fputs("clawsigner: nothing was asked for\n", stderr);
        return kRefused;
    }
    return talk(to, "POST", "/v1/log/prune", body_of(terms, *asked),
                [](const claw::JsonObject& answer) { (void)print_waiting(answer); });
}

}  // namespace clawsigner::cli
