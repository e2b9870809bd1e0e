#include "cli/commands.h"

#include "base/file.h"
#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "cli/conversation.h"
#include "cli/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>
#include <vector>

namespace clawsigner::cli {
namespace {

constexpr std::size_t kMaxRequest = 1U << 20U;

using claw::JsonObject;
using claw::JsonValue;

/// The messages of an array of errors, or of one error, in a line.
std::string reasons_of(const JsonObject& object) {
    if (const JsonValue* why = object.if_contains("why"); why != nullptr && why->is_object()) {
        return cell(why->get_object(), "message");
    }
    std::string text;
    for (const JsonValue& reason : array_member(object, "reasons")) {
        text.append(text.empty() ? "" : "; ").append(cell(reason.get_object(), "message"));
    }
    return text;
}

std::vector<std::string> backend_row(const JsonObject& backend) {
    return {cell(backend, "name"), cell(backend, "state"), ago(cell(backend, "since")),
            cell(backend, "device"), reasons_of(backend)};
}

void print_backend(const JsonObject& answer) {
    const JsonValue* backend = answer.if_contains("backend");
    if (backend == nullptr || !backend->is_object()) {
        return;
    }
    const Rows rows{{"BACKEND", "STATE", "SINCE", "DEVICE", "WHY"},
                    backend_row(backend->get_object())};
    std::printf("%s", table(rows).c_str());
}

/// The log's line; a daemon of before had none.
void print_ledger(const JsonObject& status) {
    const JsonValue* value = status.if_contains("ledger");
    if (value == nullptr || !value->is_object()) {
        return;
    }
    const JsonObject& ledger = value->get_object();
    std::string why = reasons_of(ledger);
    if (const JsonValue* unsigned_why = ledger.if_contains("checkpoint_failure");
        unsigned_why != nullptr && unsigned_why->is_object()) {
        why.append(why.empty() ? "" : "; ")
            .append("no checkpoint: ")
            .append(cell(unsigned_why->get_object(), "message"));
    }
    const Rows rows{{"LEDGER", "SINCE", "LEAVES", "CHECKPOINT", "CHECKED", "ORIGIN", "WHY"},
                    {cell(ledger, "state"), ago(cell(ledger, "since")), cell(ledger, "size"),
                     cell(ledger, "checkpoint"), cell(ledger, "checked") == "true" ? "yes" : "no",
                     cell(ledger, "origin"), why}};
    std::printf("\n%s", table(rows).c_str());
}

void print_clock(const JsonObject& status) {
    const JsonValue* value = status.if_contains("clock");
    if (value == nullptr || !value->is_object() || cell(value->get_object(), "state") == "good") {
        return;
    }
    std::printf(
        "clock      %s by %s ms: tokens and calls are judged by the latest time it has shown\n",
        cell(value->get_object(), "state").c_str(), cell(value->get_object(), "behind_ms").c_str());
}

void print_status(const JsonObject& status) {
    std::printf("clawsignerd %s, started %s (%s): %s\n\n", cell(status, "version").c_str(),
                cell(status, "started").c_str(), ago(cell(status, "started")).c_str(),
                cell(status, "ready") == "true" ? "ready" : "NOT READY");
    Rows backends{{"BACKEND", "STATE", "SINCE", "DEVICE", "WHY"}};
    for (const JsonValue& entry : array_member(status, "backends")) {
        backends.push_back(backend_row(entry.get_object()));
    }
    Rows families{{"FAMILY", "READY", "KID", "BACKEND", "LAST PROBE", "WHY NOT"}};
    for (const JsonValue& entry : array_member(status, "families")) {
        const JsonObject& family = entry.get_object();
        families.push_back({cell(family, "family"), cell(family, "ready") == "true" ? "yes" : "no",
                            cell(family, "kid"), cell(family, "backend"),
                            ago(cell(family, "last_probe")), reasons_of(family)});
    }
    std::printf("%s\n%s", table(backends).c_str(), table(families).c_str());
    print_ledger(status);
    print_clock(status);
}

void print_as_json(const JsonObject& answer) {
    std::string text;
    claw::append_json(text, answer);
    std::printf("%s\n", text.c_str());
}

/// clawsignerd in the directory of the program that was called as `self`, else as the PATH has it.
std::string daemon_beside(const std::string& self) {
    std::error_code error;
    auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) {
        program = self;  // no /proc, as in a bare chroot
    }
    const auto beside = program.parent_path() / "clawsignerd";
    return program.has_parent_path() && std::filesystem::exists(beside, error) ? beside.string()
                                                                               : "clawsignerd";
}

}  // namespace

int show_status(const Connection& to) {
    return talk(to, "GET", "/v1/status", "", print_status);
}

int retry_pin(const Connection& to, const std::string& backend) {
    claw::JsonWriter body;
    if (!backend.empty()) {
        body.text("backend", backend);
    }
    return talk(to, "POST", "/v1/pin/retry", body.done(), print_backend);
}

int sign_receipt(const Connection& to, const std::filesystem::path& file, bool legacy) {
    const auto body = base::read_file(file, kMaxRequest);
    if (!body.ok()) {
        return report(body.error(), to.json);
    }
    return talk(to, "POST", legacy ? "/v1/receipts?legacy=1" : "/v1/receipts", *body,
                print_as_json);
}

int issue_token(const Connection& to, const std::filesystem::path& file) {
    const auto body = base::read_file(file, kMaxRequest);
    if (!body.ok()) {
        return report(body.error(), to.json);
    }
    return talk(to, "POST", "/v1/tokens", *body, print_as_json);
}

int init_dev(const std::string& self, const std::string& directory, const std::string& algorithm,
             bool json) {
    const std::string program = daemon_beside(self);
    std::vector<std::string> words{program, "init", "--dev", directory, "--algorithm", algorithm};
    if (json) {
        words.emplace_back("--json");
    }
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    ::execvp(program.c_str(), arguments.data());
    return report(Error::from_errno("cannot start " + program, errno), json);
}

}  // namespace clawsigner::cli
