#pragma once

#include <stddef.h>
#include <stdint.h>

#define br_sha256_SIZE 32
#define BR_ERR_X509_OK 32
#define BR_ERR_X509_NOT_TRUSTED 62

extern "C" {
typedef struct br_hash_class_ {
  size_t context_size;
} br_hash_class;
extern const br_hash_class br_sha256_vtable;

typedef struct {
  const br_hash_class* dig_vtable;
  unsigned char ksi[64], kso[64];
} br_hmac_key_context;

typedef struct {
  unsigned char state[328];
} br_hmac_context;

void br_hmac_key_init(br_hmac_key_context* kc, const br_hash_class* digest_vtable, const void* key, size_t key_len);
void br_hmac_init(br_hmac_context* ctx, const br_hmac_key_context* kc, size_t out_len);
void br_hmac_update(br_hmac_context* ctx, const void* data, size_t len);
size_t br_hmac_out(const br_hmac_context* ctx, void* out);
}
