package carryover.hapi;

import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.batch2.jobs.export.BulkDataExportProvider;
import ca.uhn.fhir.batch2.maintenance.JobMaintenanceServiceImpl;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.binary.api.IBinaryStorageSvc;
import ca.uhn.fhir.jpa.binstore.DatabaseBinaryContentStorageSvcImpl;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.JpaSystemProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.ApacheProxyAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.util.Map;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/** What HAPI FHIR's own configurations leave to an operator; whatever can be, is as it comes. */
@Configuration
@Import({
  HapiJpaConfig.class,
  JpaR4Config.class,
  JpaBatch2Config.class,
  Batch2JobsConfig.class,
  SubscriptionChannelConfig.class,
  ThreadPoolFactoryConfig.class
})
public class HapiConfiguration {

  /** Each pass takes an export one of its four steps further: at the usual minute an exchange would last five. */
  @Bean
  public static BeanPostProcessor frequentMaintenance() {
    return new BeanPostProcessor() {
      @Override
      public Object postProcessBeforeInitialization(Object bean, String name) {
        if (bean instanceof JobMaintenanceServiceImpl maintenance) maintenance.setScheduledJobFrequencyMillis(1000);
        return bean;
      }
    };
  }

  @Bean
  public DataSource dataSource() {
    var source = new BasicDataSource();
    source.setUrl("jdbc:h2:mem:hapi;DB_CLOSE_DELAY=-1");
    source.setMaxTotal(20);
    return source;
  }

  @Bean
  public JpaStorageSettings storageSettings() {
    var settings = new JpaStorageSettings();
    settings.setBulkExportFileRetentionPeriodHours(2);
    settings.setHibernateSearchIndexFullText(false);
    return settings;
  }

  @Bean
  public PartitionSettings partitionSettings() {
    return new PartitionSettings();
  }

  @Bean
  public SubscriptionSettings subscriptionSettings() {
    return new SubscriptionSettings();
  }

  @Bean
  public IBinaryStorageSvc binaryStorage() {
    return new DatabaseBinaryContentStorageSvcImpl();
  }

  @Bean
  @Primary
  public LocalContainerEntityManagerFactoryBean entityManagerFactory(
      ConfigurableListableBeanFactory beans, FhirContext fhir, JpaStorageSettings settings, DataSource source) {
    var factory = HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, settings);
    factory.setPersistenceUnitName("HAPI_PU");
    factory.setDataSource(source);
    factory.setJpaPropertyMap(
        Map.of(
            "hibernate.dialect", HapiFhirH2Dialect.class.getName(),
            "hibernate.hbm2ddl.auto", "update",
            "hibernate.search.enabled", "false"));
    return factory;
  }

  @Bean
  @Primary
  public JpaTransactionManager transactionManager(EntityManagerFactory factory) {
    return new JpaTransactionManager(factory);
  }

  @Bean
  public RestfulServer restfulServer(
      FhirContext fhir,
      IFhirSystemDao<?, ?> systemDao,
      JpaSystemProvider<?, ?> system,
      ResourceProviderFactory resources,
      BulkDataExportProvider bulkExport,
      DatabaseBackedPagingProvider paging,
      JpaStorageSettings settings,
      ISearchParamRegistry searchParameters,
      IValidationSupport validation) {
    var server = new RestfulServer(fhir);
    server.registerProviders(resources.createProviders());
    server.registerProvider(system);
    server.registerProvider(bulkExport);
    server.setServerConformanceProvider(
        new JpaCapabilityStatementProvider(server, systemDao, settings, searchParameters, validation));
    server.setPagingProvider(paging);
    server.setDefaultResponseEncoding(EncodingEnum.JSON);
    // Whoever stands in front says by X-Forwarded-* which address goes into the URLs that are handed out.
    server.setServerAddressStrategy(ApacheProxyAddressStrategy.forHttp());
    return server;
  }
}
