/** Commands to try against the examples. Each works as it is printed. */
export function exampleCommands({ tlsPort, clearPort }: { tlsPort: number; clearPort: number }): string[] {
  const tls = `localhost:${tlsPort}`;
  return [
    `grpcurl -insecure ${tls} list`,
    `grpcurl -insecure -d '{"name":"Ada"}' ${tls} helloworld.Greeter/SayHello`,
    `grpcurl -insecure -H 'env: env2' ${tls} edgeway.examples.v1.Echo/Say`,
    `grpcurl -insecure -authority demo.example.org ${tls} edgeway.examples.v1.Echo/Say`,
    `grpcurl -plaintext localhost:${clearPort} edgeway.examples.v1.Echo/Say`,
    `npx buf curl -k --protocol grpcweb -d '{"name":"Ada"}' https://${tls}/helloworld.Greeter/SayHello`,
    `curl -k -H 'Host: www.example.com' https://${tls}/get`,
    `curl -k --json '{"name":"Ada"}' https://${tls}/helloworld.Greeter/SayHello`,
  ];
}
