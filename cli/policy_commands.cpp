#include "cli/policy_commands.h"

#include "base/file.h"
#include "claw/json_writer.h"
#include "cli/approval_commands.h"
#include "cli/confirm.h"
#include "cli/conversation.h"
#include "cli/indented.h"

#include <cstdio>
#include <functional>

namespace clawsigner::cli {
namespace {

using claw::JsonObject;
using claw::JsonValue;
using claw::JsonWriter;

constexpr std::size_t kMaxFile = 256U << 10U;

/// The file's JSON. Read here, so that what is put into a request is one value and nothing else.
Result<JsonValue> json_in(const std::filesystem::path& file) {
    TRY(const std::string text, base::read_file(file, kMaxFile));
    return claw::parse_json(text, claw::JsonRules::javascript);
}

std::string body_of(std::string_view member, const JsonValue& document, const std::string& why) {
    JsonWriter body;
    body.raw(member, claw::json_text(document));
    if (!why.empty()) {
        body.text("why", why);
    }
    return body.done();
}

std::string hash_body(const PolicyTerms& terms) {
    JsonWriter body;
    body.text("policy_hash_b64u", terms.hash);
    if (!terms.why.empty()) {
        body.text("why", terms.why);
    }
    return body.done();
}

void print_record(const JsonObject& record) {
    const Rows rows{{"hash", cell(record, "policy_hash_b64u")},
                    {"id", cell(record, "policy_id")},
                    {"version", cell(record, "version")},
                    {"state", cell(record, "state")},
                    {"signed", cell(record, "signed") == "true"
                                   ? (record.if_contains("signer_did") != nullptr
                                          ? "elsewhere, by " + cell(record, "signer_did")
                                          : "here")
                                   : "not yet"}};
    std::printf("%s", table(rows).c_str());
}

void print_policy(const JsonObject& answer) {
    if (const JsonValue* record = answer.if_contains("policy");
        record != nullptr && record->is_object()) {
        print_record(record->get_object());
    }
    if (const JsonValue* wpc = answer.if_contains("wpc")) {
        std::printf("\n%s\n", indented(*wpc).c_str());
    }
}

void print_policies(const JsonObject& answer) {
    Rows rows{{"HASH", "STATE", "ID", "VERSION", "SIGNED BY"}};
    for (const JsonValue& entry : array_member(answer, "policies")) {
        const JsonObject& record = entry.get_object();
        const bool elsewhere = record.if_contains("signer_did") != nullptr;
        const bool is_signed = cell(record, "signed") == "true";
        rows.push_back({cell(record, "policy_hash_b64u"),
                        cell(record, "available") == "true" ? cell(record, "state") : "UNAVAILABLE",
                        cell(record, "policy_id"), cell(record, "version"),
                        elsewhere ? cell(record, "signer_did") : (is_signed ? "us" : "-")});
    }
    std::printf("%s", rows.size() == 1 ? "no contract was added\n" : table(rows).c_str());
    for (const JsonValue& entry : array_member(answer, "faults")) {
        const JsonObject& fault = entry.get_object();
        std::printf("UNAVAILABLE %s: %s\n", printable(cell(fault, "row")).c_str(),
                    printable(cell(fault, "message")).c_str());
    }
}

void print_member(const JsonObject& answer, std::string_view name) {
    if (const JsonValue* value = answer.if_contains(name)) {
        std::printf("%s\n", indented(*value).c_str());
    }
}

void print_trust(const JsonObject& answer) {
    const auto listed = [&](std::string_view name) {
        std::string text;
        for (const JsonValue& entry : array_member(answer, name)) {
            text.append(text.empty() ? "" : ",").append(entry.get_string());
        }
        return text.empty() ? "none" : text;
    };
    const std::string exempt = cell(answer, "receipts_without_cst");
    const Rows rows{{"claims_mode", cell(answer, "claims_mode")},
                    {"allow_unpinned", cell(answer, "allow_unpinned")},
                    {"audiences", listed("audiences")},
                    {"wpc_signers", listed("wpc_signers")},
                    {"receipts_without_cst", exempt.empty() ? "nobody" : exempt}};
    std::printf("%s", table(rows).c_str());
}

void print_filed(const JsonObject& answer) {
    (void)print_waiting(answer);
}

int file_document(const Connection& to, const PolicyTerms& terms, const char* target,
                  std::string_view member) {
    const auto document = json_in(terms.file);
    return document.ok()
               ? talk(to, "POST", target, body_of(member, *document, terms.why), print_filed)
               : report(document.error(), to.json);
}

}  // namespace

int list_policies(const Connection& to) {
    return talk(to, "GET", "/v1/policies", "", print_policies);
}

int show_policy(const Connection& to, const PolicyTerms& terms) {
    return talk(to, "GET", "/v1/policies/" + terms.hash, "", print_policy);
}

int add_policy(const Connection& to, const PolicyTerms& terms) {
    const auto document = json_in(terms.file);
    if (!document.ok()) {
        return report(document.error(), to.json);
    }
    const bool enveloped =
        document->is_object() && document->get_object().if_contains("envelope_version") != nullptr;
    return talk(to, "POST", "/v1/policies",
                body_of(enveloped ? "envelope" : "wpc", *document, terms.why), print_policy);
}

int activate_policy(const Connection& to, const PolicyTerms& terms) {
    return talk(to, "POST", "/v1/policies/activate", hash_body(terms), print_filed);
}

int withdraw_policy(const Connection& to, const PolicyTerms& terms) {
    if (!is_meant(terms.yes, "Withdraw this contract at once? No token is issued under it then.")) {
        std::fputs("clawsigner: nothing was withdrawn\n", stderr);
        return kRefused;
    }
    return talk(to, "POST", "/v1/policies/withdraw", hash_body(terms), print_policy);
}

int show_mapping(const Connection& to) {
    return talk(to, "GET", "/v1/mappings", "",
                [](const JsonObject& answer) { print_member(answer, "mapping"); });
}

int set_mapping(const Connection& to, const PolicyTerms& terms) {
    return file_document(to, terms, "/v1/mappings", "mapping");
}

int show_trust(const Connection& to) {
    return talk(to, "GET", "/v1/trust", "", print_trust);
}

int set_trust(const Connection& to, const PolicyTerms& terms) {
    JsonWriter body;
    body.text("key", terms.key).text("value", terms.value);
    if (!terms.why.empty()) {
        body.text("why", terms.why);
    }
    return talk(to, "POST", "/v1/trust", body.done(), [](const JsonObject& answer) {
        if (!print_waiting(answer)) {
            print_trust(answer);
        }
    });
}

int show_oidc(const Connection& to) {
    return talk(to, "GET", "/v1/oidc", "",
                [](const JsonObject& answer) { print_member(answer, "oidc"); });
}

int set_oidc(const Connection& to, const PolicyTerms& terms) {
    return file_document(to, terms, "/v1/oidc", "oidc");
}

}  // namespace clawsigner::cli
