#pragma once

#include <stdint.h>

typedef int8_t err_t;
enum { ERR_OK = 0, ERR_INPROGRESS = -5 };

typedef struct ip_addr {
  uint32_t u_addr[4];
  uint8_t type;
} ip_addr_t;

#define ip_addr_get_ip4_u32(ipaddr) (((ipaddr) && (ipaddr)->type == 0) ? (ipaddr)->u_addr[0] : 0)

typedef void (*dns_found_callback)(const char* name, const ip_addr_t* ipaddr, void* callback_arg);

extern "C" err_t dns_gethostbyname(const char* hostname, ip_addr_t* addr, dns_found_callback found, void* callback_arg);
