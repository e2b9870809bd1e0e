#include "cli/approval_commands.h"

#include "base/file.h"
#include "claw/json_writer.h"
#include "cli/confirm.h"
#include "cli/conversation.h"
#include "cli/indented.h"
#include "cli/ssh_keygen.h"
#include "policy/act_request.h"
#include "policy/operators.h"
#include "policy/policy_acts.h"

#include <cstdio>
#include <optional>

namespace clawsigner::cli {
namespace {

using claw::JsonObject;
using claw::JsonValue;
using claw::JsonWriter;

constexpr std::size_t kMaxSigners = 16'384;

std::string approvers(const policy::ActRequest& request) {
    std::string names;
    for (const policy::Approval& approval : request.approvals) {
        names.append(names.empty() ? "" : ", ").append(approval.principal);
    }
    return names.empty() ? "nobody" : names;
}

/// The request as the parser of the house reads it: what is shown is what is signed.
Result<policy::ActRequest> request_in(const JsonObject& answer) {
    const JsonValue* request = answer.if_contains("request");
    return request == nullptr ? Error(ErrorCode::malformed_json, "the answer holds no request")
                              : policy::parse_request(claw::json_text(*request));
}

void print_request(const policy::ActRequest& request) {
    const std::string expires = base::format_utc(request.expires);
    const std::string created = base::format_utc(request.created);
    const Rows rows{
        {"request", request.id},
        {"act", request.act},
        {"with", request.arguments},
        {"why", request.why},
        {"asked by", request.requester.role + ", uid " + std::to_string(request.requester.uid)},
        {"log", request.log_origin},
        {"asked", created + "  " + ago(created)},
        {"expires", expires + "  " + ago(expires)},
        {"approved by", approvers(request)},
        {"digest", policy::approval_message(request)}};
    std::printf("%s", table(rows).c_str());
}

/// The document that a request is about, when the daemon shows exactly that one.
Result<std::optional<std::string>> document_in(const JsonObject& answer,
                                               const policy::ActRequest& request) {
    TRY(const auto digest, policy::document_named(request.act, request.arguments));
    if (!digest) {
        return std::optional<std::string>();
    }
    const JsonValue* shown = answer.if_contains("document");
    std::string text =
        shown != nullptr && shown->is_string() ? std::string(shown->get_string()) : std::string();
    if (crypto::sha256_b64u(text) != *digest) {
        return Error(ErrorCode::approval_invalid,
                     "the daemon does not show the document that the request names");
    }
    return std::optional(std::move(text));
}

void print_document(const std::optional<std::string>& text) {
    if (text) {
        const auto value = claw::parse_json(*text, claw::JsonRules::javascript);
        std::printf("\n%s\n", value.ok() ? indented(*value).c_str() : printable(*text).c_str());
    }
}

void print_answer(const JsonObject& answer) {
    const auto request = request_in(answer);
    if (request.ok()) {
        print_request(*request);
        const auto document = document_in(answer, *request);
        if (document.ok()) {
            print_document(*document);
        } else {
            std::fprintf(stderr, "clawsigner: %s\n", document.error().message.c_str());
        }
    } else {
        std::fprintf(stderr, "clawsigner: %s\n", request.error().message.c_str());
    }
}

void print_requests(const JsonObject& answer) {
    Rows rows{{"ID", "ACT", "WITH", "EXPIRES", "APPROVED BY", "WHY"}};
    for (const JsonValue& entry : array_member(answer, "requests")) {
        if (const auto request = policy::parse_request(claw::json_text(entry)); request.ok()) {
            rows.push_back({request->id, request->act, request->arguments,
                            ago(base::format_utc(request->expires)), approvers(*request),
                            request->why});
        }
    }
    if (rows.size() == 1) {
        std::puts("nothing waits for approval");
        return;
    }
    std::printf("%s", table(rows).c_str());
}

/// The request, and what the daemon says is to be signed for it.
struct Asked {
    policy::ActRequest request;
    std::string message;
    Result<std::optional<std::string>> document;
};

/// Nothing when it was refused, and then `code` is the exit code.
std::optional<Asked> fetch(const Connection& to, const std::string& id, int& code) {
    std::optional<Asked> asked;
    code =
        talk({to.socket, false}, "GET", "/v1/approvals/" + id, "", [&](const JsonObject& answer) {
            if (auto request = request_in(answer); request.ok()) {
                auto document = document_in(answer, *request);
                asked =
                    Asked{std::move(request).value(), cell(answer, "message"), std::move(document)};
            }
        });
    if (code == kGood && !asked) {
        code = report(Error(ErrorCode::malformed_json, "the daemon's answer holds no request"),
                      to.json);
    }
    return asked;
}

void print_approved(const JsonObject& answer) {
    const auto request = request_in(answer);
    if (request.ok()) {
        std::printf("%s %s: %s\n", request->act.c_str(), request->arguments.c_str(),
                    cell(answer, "done") == "true"
                        ? "done"
                        : ("approved by " + approvers(*request) + "; more operators must").c_str());
    }
}

std::string listed(const JsonObject& object, std::string_view name) {
    std::string text;
    for (const JsonValue& entry : array_member(object, name)) {
        text.append(text.empty() ? "" : " ").append(entry.is_string() ? entry.get_string() : "?");
    }
    return text.empty() ? "none" : text;
}

void print_ceiling(const JsonObject& answer) {
    const Rows rows{{"longest life", cell(answer, "max_ttl_seconds") + " s"},
                    {"audiences", listed(answer, "audiences")},
                    {"scopes", listed(answer, "scopes")}};
    std::printf("%s", table(rows).c_str());
}

}  // namespace

bool print_waiting(const JsonObject& answer) {
    const auto request = request_in(answer);
    if (!request.ok()) {
        return false;
    }
    print_request(*request);
    std::printf("\nThis waits for operators: clawsigner approvals approve %s --key KEYFILE\n",
                request->id.c_str());
    return true;
}

int list_approvals(const Connection& to) {
    return talk(to, "GET", "/v1/approvals", "", print_requests);
}

int show_approval(const Connection& to, const ApprovalTerms& terms) {
    return talk(to, "GET", "/v1/approvals/" + terms.id, "", print_answer);
}

int approve_act(const Connection& to, const ApprovalTerms& terms) {
    int code = kGood;
    const auto asked = fetch(to, terms.id, code);
    if (!asked) {
        return code;
    }
    if (!asked->document.ok()) {
        return report(asked->document.error(), to.json);
    }
    if (!to.json) {
        print_request(asked->request);
        print_document(*asked->document);
    }
    const std::string message = policy::approval_message(asked->request);
    if (message != asked->message || asked->request.id != terms.id) {
        return report(Error(ErrorCode::approval_invalid,
                            "the daemon's digest is not that of the request it shows; nothing is "
                            "signed"),
                      to.json);
    }
    if (!is_meant(terms.yes, "Approve of exactly this?")) {
        std::fputs("clawsigner: nothing was signed\n", stderr);
        return kRefused;
    }
    const auto signature = ssh_signature(terms.key, policy::kApprovalNamespace, message);
    if (!signature.ok()) {
        return report(signature.error(), to.json);
    }
    return talk(to, "POST", "/v1/approvals/approve",
                JsonWriter().text("id", terms.id).text("signature", *signature).done(),
                print_approved);
}

int deny_act(const Connection& to, const ApprovalTerms& terms) {
    JsonWriter body;
    body.text("id", terms.id);
    if (!terms.why.empty()) {
        body.text("why", terms.why);
    }
    return talk(to, "POST", "/v1/approvals/deny", body.done(), [](const JsonObject& answer) {
        if (const auto request = request_in(answer); request.ok()) {
            std::printf("denied: %s %s\n", request->act.c_str(), request->arguments.c_str());
        }
    });
}

int show_operators(const Connection& to) {
    return talk(to, "GET", "/v1/operators", "", [](const JsonObject& answer) {
        Rows rows{{"OPERATOR", "VALID AFTER", "VALID BEFORE", "KEY"}};
        for (const JsonValue& entry : array_member(answer, "operators")) {
            const JsonObject& person = entry.get_object();
            rows.push_back({cell(person, "principal"), cell(person, "valid_after"),
                            cell(person, "valid_before"), cell(person, "key")});
        }
        std::printf("%s\n%s of them must approve.\n", table(rows).c_str(),
                    cell(answer, "quorum").c_str());
    });
}

int show_ceiling(const Connection& to) {
    return talk(to, "GET", "/v1/ceiling", "", print_ceiling);
}

int set_ceiling(const Connection& to, const ApprovalTerms& terms) {
    JsonWriter body;
    body.integer("max_ttl_seconds", terms.max_ttl)
        .raw("audiences", claw::json_texts(terms.audiences))
        .raw("scopes", claw::json_texts(terms.scopes));
    if (!terms.why.empty()) {
        body.text("why", terms.why);
    }
    return talk(to, "POST", "/v1/ceiling", body.done(), [](const JsonObject& answer) {
        if (!print_waiting(answer)) {
            print_ceiling(answer);
        }
    });
}

int set_operators(const Connection& to, const ApprovalTerms& terms) {
    const auto text = base::read_file(terms.signers, kMaxSigners);
    if (!text.ok()) {
        return report(text.error(), to.json);
    }
    JsonWriter body;
    body.text("allowed_signers", *text).integer("quorum", terms.quorum);
    if (!terms.why.empty()) {
        body.text("why", terms.why);
    }
    return talk(to, "POST", "/v1/operators", body.done(),
                [](const JsonObject& answer) { (void)print_waiting(answer); });
}

}  // namespace clawsigner::cli
