#include "cli/key_commands.h"

#include "base/clock.h"
#include "claw/json_writer.h"
#include "cli/approval_commands.h"
#include "cli/confirm.h"
#include "cli/conversation.h"

#include <array>
#include <cstdio>
#include <utility>

namespace clawsigner::cli {
namespace {

using claw::JsonObject;
using claw::JsonValue;
using claw::JsonWriter;

const Row& key_heading() {
    static const Row kHeading{"FAMILY", "VERSION", "STATE", "SIGNS",     "SINCE",
                              "UNTIL",  "KID",     "ID",    "ALGORITHM", "ASSURANCE"};
    return kHeading;
}

/// The time its state ends by itself, where one is set.
std::string until(const JsonObject& key) {
    const std::string state = cell(key, "state");
    if (state == "pending" && key.contains("activate_at")) {
        return "active " + ago(cell(key, "activate_at"));
    }
    return state == "verify_only" && key.contains("not_after") ? ago(cell(key, "not_after")) : "-";
}

std::string since(const JsonObject& key) {
    for (const std::string_view name : {"compromised_since", "active_until", "active_since"}) {
        if (key.contains(name)) {
            return ago(cell(key, name));
        }
    }
    return ago(cell(key, "created"));
}

Row key_row(const JsonObject& key) {
    return {cell(key, "family"),
            cell(key, "version"),
            cell(key, "state"),
            cell(key, "signing") == "true" ? "yes" : "no",
            since(key),
            until(key),
            cell(key, "kid"),
            cell(key, "id"),
            cell(key, "algorithm"),
            cell(key, "assurance"),
            cell(key, "did")};
}

void print_fault(const JsonObject& key) {
    const JsonValue* fault = key.if_contains("fault");
    if (fault != nullptr && fault->is_object()) {
        std::printf("fault: %s/%s: %s\n", cell(key, "family").c_str(), cell(key, "version").c_str(),
                    printable(cell(fault->get_object(), "message")).c_str());
    }
}

void print_unusable(const JsonObject& answer, std::string_view member, const char* heading) {
    for (const JsonValue& entry : array_member(answer, member)) {
        const JsonObject& key = entry.get_object();
        std::printf("%s: %s (%s): %s\n", heading, printable(cell(key, "id")).c_str(),
                    printable(cell(key, "label")).c_str(), printable(cell(key, "reason")).c_str());
    }
}

void print_keys(const JsonObject& answer) {
    Rows rows{key_heading()};
    for (const JsonValue& key : array_member(answer, "keys")) {
        rows.push_back(key_row(key.get_object()));
    }
    std::printf("%s", table(rows).c_str());
    for (const JsonValue& key : array_member(answer, "keys")) {
        print_fault(key.get_object());
    }
    for (const JsonValue& family : array_member(answer, "families")) {
        if (cell(family.get_object(), "frozen") == "true") {
            std::printf("frozen: %s\n", cell(family.get_object(), "family").c_str());
        }
    }
    print_unusable(answer, "unusable", "unusable");
}

/// Every member of one key, a line each.
void print_whole_key(const JsonObject& key) {
    Rows rows;
    for (const auto& member : key) {
        const std::string value = cell(key, member.key());
        const bool is_time = base::parse_utc(value).ok();
        rows.push_back({member.key(), is_time ? value + "  " + ago(value) : value});
    }
    std::printf("%s", table(rows).c_str());
}

void print_key(const JsonObject& answer) {
    if (print_waiting(answer)) {
        return;
    }
    const JsonValue* key = answer.if_contains("key");
    if (key != nullptr && key->is_object()) {
        std::printf("%s", table({key_heading(), key_row(key->get_object())}).c_str());
    }
}

void print_family(const JsonObject& answer) {
    if (print_waiting(answer)) {
        return;
    }
    const JsonValue* family = answer.if_contains("family");
    if (family != nullptr && family->is_object()) {
        std::printf("%s: %s\n", cell(family->get_object(), "family").c_str(),
                    cell(family->get_object(), "frozen") == "true"
                        ? "frozen: nothing is signed, its keys stay published"
                        : "not frozen");
    }
}

int not_done() {
    std::fputs("clawsigner: nothing was done\n", stderr);
    return kRefused;
}

JsonWriter family_body(const KeyTerms& terms) {
    JsonWriter body;
    body.text("family", terms.family);
    if (!terms.why.empty()) {
        body.text("why", terms.why);
    }
    return body;
}

JsonWriter key_body(const KeyTerms& terms) {
    JsonWriter body = family_body(terms);
    body.integer("version", terms.version);
    return body;
}

std::string named(const KeyTerms& terms) {
    return terms.family + "/" + std::to_string(terms.version);
}

}  // namespace

int list_keys(const Connection& to) {
    return talk(to, "GET", "/v1/keys", "", print_keys);
}

int show_key(const Connection& to, const KeyTerms& terms) {
    bool found = false;
    const int code = talk({to.socket, false}, "GET", "/v1/keys", "", [&](const JsonObject& answer) {
        for (const JsonValue& entry : array_member(answer, "keys")) {
            const JsonObject& key = entry.get_object();
            if (cell(key, "family") != terms.family ||
                cell(key, "version") != std::to_string(terms.version)) {
                continue;
            }
            found = true;
            if (to.json) {
                std::printf("%s\n", printable(claw::json_text(entry)).c_str());
            } else {
                print_whole_key(key);
            }
        }
    });
    return code != kGood || found
               ? code
               : report(Error(ErrorCode::not_found,
                              "there is no key " + named(terms) + "; clawsigner keys list"),
                        to.json);
}

int create_key(const Connection& to, const KeyTerms& terms) {
    JsonWriter body = family_body(terms);
    if (!terms.algorithm.empty()) {
        body.text("algorithm", terms.algorithm);
    }
    return talk(to, "POST", "/v1/keys", body.done(), print_key);
}

int rotate_key(const Connection& to, const KeyTerms& terms) {
    if (terms.now &&
        !is_meant(terms.yes, "Let a new key sign for " + terms.family +
                                 " at once? Verifiers that do not know it yet will refuse it.")) {
        return not_done();
    }
    JsonWriter body = family_body(terms);
    if (terms.now) {
        body.boolean("now", true);
    }
    if (terms.activate_in) {
        body.integer("activate_in_seconds", terms.activate_in->count());
    }
    if (terms.overlap) {
        body.integer("overlap_seconds", terms.overlap->count());
    }
    return talk(to, "POST", "/v1/keys/rotate", body.done(), print_key);
}

int freeze_family(const Connection& to, const KeyTerms& terms) {
    if (!is_meant(terms.yes, "Stop every signature of " + terms.family +
                                 "? Only the operators' quorum starts it again.")) {
        return not_done();
    }
    return talk(to, "POST", "/v1/keys/freeze", family_body(terms).done(), print_family);
}

int unfreeze_family(const Connection& to, const KeyTerms& terms) {
    return talk(to, "POST", "/v1/keys/unfreeze", family_body(terms).done(), print_family);
}

int retire_key(const Connection& to, const KeyTerms& terms) {
    if (!is_meant(terms.yes, "Stop publishing " + named(terms) + "?")) {
        return not_done();
    }
    return talk(to, "POST", "/v1/keys/retire", key_body(terms).done(), print_key);
}

int destroy_key(const Connection& to, const KeyTerms& terms) {
    if (!is_meant(terms.yes, "Destroy " + named(terms) + " in its store, for good?")) {
        return not_done();
    }
    return talk(to, "POST", "/v1/keys/destroy", key_body(terms).done(), print_key);
}

int compromise_key(const Connection& to, const KeyTerms& terms) {
    if (!is_meant(terms.yes, "Declare " + named(terms) +
                                 " compromised? If it signs, its family stops signing.")) {
        return not_done();
    }
    JsonWriter body = key_body(terms);
    if (!terms.since.empty()) {
        body.text("since", terms.since);
    }
    if (terms.leaf) {
        body.integer("leaf", static_cast<std::int64_t>(*terms.leaf));
    }
    return talk(to, "POST", "/v1/keys/compromise", body.done(), print_key);
}

int discard_key(const Connection& to, const KeyTerms& terms) {
    return talk(to, "POST", "/v1/keys/discard", JsonWriter().text("id", terms.id).done(),
                [](const JsonObject& answer) { print_unusable(answer, "discarded", "discarded"); });
}

}  // namespace clawsigner::cli
