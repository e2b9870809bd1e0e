// What tests/lsan.supp says, for test programs that load SoftHSM into themselves.
extern "C" const char*
__lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier): LeakSanitizer's name
extern "C" const char* __lsan_default_suppressions() {
    return "leak:ASN1_STRING_set\nleak:CRYPTO_zalloc\nleak:libp11.so\n";
}
