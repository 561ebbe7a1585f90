package carryover.hapi;

import ca.uhn.fhir.rest.server.RestfulServer;
import java.net.InetSocketAddress;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/** HAPI FHIR's JPA server for R4 with bulk export, at /fhir of a port of the loopback address; its data is in memory. */
public final class HapiServer {

  private HapiServer() {}

  public static void main(String[] args) throws Exception {
    var beans = new AnnotationConfigApplicationContext(HapiConfiguration.class);
    var servlets = new ServletContextHandler("/");
    servlets.addServlet(new ServletHolder(beans.getBean(RestfulServer.class)), "/fhir/*");
    var server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    server.setHandler(servlets);
    server.start();
    server.join();
  }
}
