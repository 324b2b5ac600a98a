// lwIP's sockets are a desktop's, but for their names.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/select.h>
#include <sys/socket.h>

extern "C" {
int lwip_socket(int domain, int type, int protocol);
int lwip_bind(int s, const struct sockaddr* name, socklen_t namelen);
int lwip_listen(int s, int backlog);
int lwip_accept(int s, struct sockaddr* addr, socklen_t* addrlen);
int lwip_connect(int s, const struct sockaddr* name, socklen_t namelen);
int lwip_close(int s);
int lwip_fcntl(int s, int cmd, int val);
int lwip_select(int maxfdp1, fd_set* readset, fd_set* writeset, fd_set* exceptset, struct timeval* timeout);
int lwip_setsockopt(int s, int level, int optname, const void* optval, socklen_t optlen);
int lwip_getsockopt(int s, int level, int optname, void* optval, socklen_t* optlen);
ssize_t lwip_recv(int s, void* mem, size_t len, int flags);
ssize_t lwip_recvfrom(int s, void* mem, size_t len, int flags, struct sockaddr* from, socklen_t* fromlen);
ssize_t lwip_send(int s, const void* dataptr, size_t size, int flags);
ssize_t lwip_sendto(int s, const void* dataptr, size_t size, int flags, const struct sockaddr* to, socklen_t tolen);
}
