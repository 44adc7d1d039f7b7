/* acl_password.c - see acl_password.h. */
#include "server/acl_password.h"

#include "base/hex.h"

#include <sha2.h>
#include <stdint.h>

void acl_password_hash(struct slice password, char hash[ACL_HASH_SIZE + 1])
{
    SHA2_CTX context;
    uint8_t bytes[SHA256_DIGEST_LENGTH];
    SHA256Init(&context);
    if (password.size > 0) {
        SHA256Update(&context, (const uint8_t *)password.data, password.size);
    }
    SHA256Final(bytes, &context);
    hex_encode(bytes, sizeof(bytes), hash);
}

bool acl_password_is_hash(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return text.size == ACL_HASH_SIZE;
}

bool acl_password_is_same_hash(struct slice a, struct slice b)
{
    if (a.size != ACL_HASH_SIZE || b.size != ACL_HASH_SIZE) {
        return false;
    }
    unsigned difference = 0;
    for (size_t i = 0; i < ACL_HASH_SIZE; i++) {
        difference |= (unsigned char)a.data[i] ^ (unsigned char)b.data[i];
    }
    return difference == 0;
}
